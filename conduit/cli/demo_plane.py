"""The panel that decides: quality against money, with everything that needs no router."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from conduit.cli.demo_labels import Label, label_points
from conduit.cli.demo_replay import DemoRun
from conduit.cli.demo_words import FAINT, INK, OWN, quality, references, short_name, usd
from conduit.evaluation.frontier import frontier
from conduit.evaluation.replay_report import RANDOM

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from conduit.core.statistics import Array

_NAMED = 5
"""Most models that are all named; of more, only those the best mixtures are made of."""


def draw_plane(ax: Axes, run: DemoRun) -> None:
    """Draw fixed models, random choice, the best constant mixtures, and Conduit.

    Cost is logarithmic unless a model is free.

    Args:
        ax: an empty panel in its final place.
        run: what happened.
    """
    outcomes = run.simulator.outcomes
    cost, mean = outcomes.cost.mean(axis=0), outcomes.quality.mean(axis=0)
    hull = frontier(cost, mean)
    along = _mixtures(cost[hull], mean[hull])
    ax.plot(*along, color=FAINT, lw=1.4, zorder=1)
    labels = [_own(ax, run), *_models(ax, run, cost, mean, named=set(hull.tolist()))]
    labels.append(_random(ax, run))
    curve = [(float(x), float(y)) for x, y in zip(*along, strict=True)]
    x, y = curve[3 * len(curve) // 5]
    labels.append(Label(text="best constant\nmixtures", x=x, y=y, colour=FAINT))
    ax.set_title("Mean quality against cost per prompt")
    ax.margins(x=0.12, y=0.14)
    _cost_axis(ax, cost)
    marks = list(zip(cost.tolist(), mean.tolist(), strict=True))
    label_points(ax, labels, beside=[*curve[::4], *marks, *_error_bar(run)])


def _cost_axis(ax: Axes, cost: Array) -> None:
    from matplotlib.ticker import (  # noqa: PLC0415 - slow, and in an extra
        FuncFormatter,
        LogLocator,
        NullFormatter,
    )

    ax.set_xlabel("USD per prompt")
    if cost.min() > 0:
        ax.set_xlabel("USD per prompt, logarithmic")
        ax.set_xscale("log")
        decades = np.log10(cost.max() / cost.min())
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0,) if decades > 1.5 else (1.0, 2.0, 5.0)))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.10f}".rstrip("0").rstrip(".")))


def _error_bar(run: DemoRun) -> list[tuple[float, float]]:
    report = run.report
    error = report.quality_standard_error or 0.0
    heights = np.linspace(report.quality - error, report.quality + error, 9)
    return [(report.spend_usd / report.prompts, float(y)) for y in heights]


def _own(ax: Axes, run: DemoRun) -> Label:
    report = run.report
    x, y = report.spend_usd / report.prompts, report.quality
    error = report.quality_standard_error or 0.0
    ax.errorbar(x, y, yerr=error, fmt="o", ms=5, color=OWN, elinewidth=1.6, capsize=3.5, zorder=5)
    text = f"Conduit\n{quality(y)} ± {quality(error)} at {usd(x)}"
    return Label(text=text, x=x, y=y, colour=OWN, bold=True)


def _models(ax: Axes, run: DemoRun, cost: Array, mean: Array, *, named: set[int]) -> list[Label]:
    outcomes = run.simulator.outcomes
    colours = references(outcomes)
    labels = []
    for arm, model in enumerate(outcomes.models):
        x, y, colour = float(cost[arm]), float(mean[arm]), colours.get(arm, INK)
        ax.plot(x, y, "o", ms=6.5, color=colour, zorder=4)
        if arm in named or len(outcomes.models) <= _NAMED:
            labels.append(Label(text=short_name(model), x=x, y=y, colour=colour))
    return labels


def _random(ax: Axes, run: DemoRun) -> Label:
    chance = run.report.baselines[RANDOM]
    x = chance.spend_usd / run.report.prompts
    ax.plot(x, chance.quality, "o", ms=6.5, mfc="white", mec=FAINT, zorder=3)
    return Label(text="random", x=x, y=chance.quality, colour=FAINT)


def _mixtures(cost: Array, mean: Array, *, points: int = 200) -> tuple[Array, Array]:
    """The hull's edges as curves: mixing is linear in dollars, not in their logarithm."""
    if len(cost) == 1:
        return cost, mean
    free = cost[0] == 0
    spend = (np.linspace if free else np.geomspace)(cost[0], cost[-1], points)
    return spend, np.interp(spend, cost, mean)
