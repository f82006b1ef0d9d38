"""The picture of ``drift``: moving averages of quality and of spend through the three phases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.arguments import Arguments
from experiments.drift_rows import LABELLED, OURS, RIVAL, WINDOW, Run, moving_average
from experiments.drift_scenarios import PHASE, PHASES

COLOURS = {OURS: "tab:blue", RIVAL: "tab:red", LABELLED: "tab:orange"}


def draw(runs: Sequence[Run], arguments: Arguments) -> Path:
    """Draw it, a column per budget, and say where."""
    import matplotlib as mpl  # noqa: PLC0415  # heavy, and in an extra

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of a backend

    names = list(dict.fromkeys(run.scenario for run in runs))
    budgets = list(dict.fromkeys(run.budget for run in runs))
    size = (4.0 * len(budgets), 4.4 * len(names))
    figure, axes = plt.subplots(
        2 * len(names), len(budgets), figsize=size, sharex=True, squeeze=False
    )
    for i, name in enumerate(names):
        for j, budget in enumerate(budgets):
            mine = [run for run in runs if (run.scenario, run.budget) == (name, budget)]
            _draw_column(mine, axes[2 * i, j], axes[2 * i + 1, j])
            axes[2 * i, j].set_title(f"{name}, {budget:.3g} USD")
        axes[2 * i, 0].set_ylabel("quality")
        axes[2 * i + 1, 0].set_ylabel("spend / budget")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="upper right", ncols=3)
    figure.supxlabel(f"step; means over {WINDOW} steps and all seeds")
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"{arguments.stem}.png"
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return path


def _draw_column(runs: Sequence[Run], upper: Any, lower: Any) -> None:
    steps = np.arange(WINDOW, PHASES * PHASE + 1)
    for policy, colour in COLOURS.items():
        mine = [run for run in runs if run.policy == policy]
        quality = np.mean([run.quality for run in mine], axis=0)
        spend = np.mean([run.cost / run.budget for run in mine], axis=0)
        label = policy.replace("_", " ")
        upper.plot(steps, moving_average(quality), color=colour, label=label, linewidth=1)
        lower.plot(steps, np.maximum(moving_average(spend), 1e-3), color=colour, linewidth=1)
    lower.set_yscale("log")
    for axis in (upper, lower):
        axis.axvspan(PHASE, 2 * PHASE, color="tab:gray", alpha=0.15)
        axis.grid(alpha=0.3)
