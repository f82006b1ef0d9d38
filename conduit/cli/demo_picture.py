"""The demo's picture: what was spent, what quality came of it, and how that compares."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from conduit.cli.console import note
from conduit.cli.demo_labels import Label, label_ends
from conduit.cli.demo_plane import draw_plane
from conduit.cli.demo_replay import DemoRun
from conduit.cli.demo_words import BEST, OWN, goal_words, quality, references, short_name, usd
from conduit.cli.picture_style import STYLE
from conduit.evaluation.running import running_series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from conduit.core.statistics import Array

_GAP = 0.17
"""Least distance of two-line labels, as a share of a panel's height."""


def draw(run: DemoRun) -> Path | None:
    """Write the picture beside the database.

    Returns:
        Its path; None, with one line that says why, when it cannot be made.
    """
    if find_spec("matplotlib") is None:
        note("No picture: matplotlib is missing; pip install 'conduit-router[experiments]'")
        return None
    path = picture_path(run.database)
    try:
        _write(run, path)
    except OSError as error:
        note(f"No picture: {path} cannot be written ({error.strerror})")
        return None
    return path


def picture_path(database: Path) -> Path:
    """The database's name with ``.png`` for its ending, or after it where that is the ending."""
    path = database.with_suffix(".png")
    return path if path != database else Path(f"{database}.png")


def _write(run: DemoRun, path: Path) -> None:
    from matplotlib import rc_context  # noqa: PLC0415 - slow, and in an extra
    from matplotlib.figure import Figure  # noqa: PLC0415 - likewise

    with rc_context(dict(STYLE)):
        figure = Figure(figsize=(12.5, 4), dpi=200)
        _draw(figure, run)
        figure.savefig(path, format="png")


def _draw(figure: Figure, run: DemoRun) -> None:
    figure.text(0.035, 0.965, _caption(run), va="top", size=9)
    # Fixed places: the labels of lines stand in the room to the right of their panels.
    bottom, height = 0.13, 0.67
    _spend(figure.add_axes((0.035, bottom, 0.18, height)), run)
    _quality(figure.add_axes((0.365, bottom, 0.18, height)), run)
    draw_plane(figure.add_axes((0.705, bottom, 0.285, height)), run)


def _caption(run: DemoRun) -> str:
    learned = ", going on from an earlier run" if run.in_sample else ""
    return f"Conduit on {len(run.steps):,} recorded prompts: policy {run.policy}{goal_words(run.goal)}{learned}"


def _spend(ax: Axes, run: DemoRun) -> None:
    outcomes = run.simulator.outcomes
    own = np.cumsum([step.cost for step in run.steps])
    labels = [_line(ax, own, OWN, f"Conduit\n{usd(float(own[-1]))}")]
    for arm, colour in references(outcomes).items():
        total = np.cumsum(outcomes.cost[:, arm])
        name = short_name(outcomes.models[arm])
        labels.append(_line(ax, total, colour, f"{name}\n{usd(float(total[-1]))}"))
    _frame(ax, run, title="Spend so far (USD)")
    ax.set_ylim(bottom=0)
    label_ends(ax, labels, gap=_GAP)


def _quality(ax: Axes, run: DemoRun) -> None:
    outcomes = run.simulator.outcomes
    window = max(20, len(run.steps) // 6)
    own = np.array([step.quality for step in run.steps])
    labels = [_average(ax, own, window, OWN, name="Conduit")]
    for arm, colour in references(outcomes).items():
        values, name = outcomes.quality[:, arm], short_name(outcomes.models[arm])
        labels.append(_average(ax, values, window, colour, name=name))
    best = run.report.baselines[run.report.best_model].quality
    ax.axhline(best, color=BEST, lw=0.8, ls=(0, (4, 3)), zorder=1)
    _frame(ax, run, title=f"Quality (mean of the last {window})")
    label_ends(ax, labels, gap=_GAP)


def _average(ax: Axes, values: Array, window: int, colour: str, *, name: str) -> Label:
    series = running_series(values, np.zeros_like(values), window=window).moving_quality
    # The first few prompts average over almost nothing.
    start = min(window // 4, len(series) - 1)
    text = f"{name}\n{quality(float(values.mean()))} overall"
    return _line(ax, series, colour, text, start=start)


def _line(ax: Axes, series: Array, colour: str, text: str, *, start: int = 0) -> Label:
    own = colour == OWN
    prompts = np.arange(start + 1, len(series) + 1)
    ax.plot(prompts, series[start:], color=colour, lw=2.0 if own else 1.1, zorder=3 if own else 2)
    return Label(text=text, x=float(prompts[-1]), y=float(series[-1]), colour=colour, bold=own)


def _frame(ax: Axes, run: DemoRun, *, title: str) -> None:
    ax.set_title(title)
    ax.set_xlabel("prompts")
    ax.set_xlim(0, max(len(run.steps), 2))
    ax.locator_params(axis="x", nbins=4)
    ax.locator_params(axis="y", nbins=6)
    ax.margins(y=0.08)
