"""The picture of ``budget_pacing``: quality over budget, warm and cold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.arguments import Arguments
from experiments.budget_rows import MeanRow

STYLES = {
    "conduit": ("tab:blue", "-", "o"),
    "paretobandit": ("tab:red", "-", "s"),
    "paretobandit_labelled": ("tab:orange", "-", "^"),
    "paretobandit_tuned": ("tab:orange", "-", "^"),
    "mixture": ("tab:gray", "--", ""),
    "full_information": ("tab:green", ":", ""),
}


def draw(rows: Sequence[MeanRow], arguments: Arguments) -> Path:
    """Draw it, and say where."""
    import matplotlib as mpl  # noqa: PLC0415  # heavy, and in an extra

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of a backend

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True)
    for axis, setting in zip(axes, ("warm", "cold"), strict=True):
        for policy, (colour, line, marker) in STYLES.items():
            mine = [r for r in rows if (r.setting, r.policy) == (setting, policy) and r.budget]
            if mine:
                axis.errorbar(
                    [row.budget or 0.0 for row in mine],
                    [row.quality for row in mine],
                    yerr=[row.quality_se or 0.0 for row in mine],
                    color=colour,
                    linestyle=line,
                    marker=marker,
                    label=policy.replace("_", " "),
                )
        axis.set(xscale="log", xlabel="budget, USD per request", title=setting)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("mean quality")
    axes[0].legend()
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"{arguments.stem}.png"
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
