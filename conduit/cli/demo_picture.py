"""The demo's picture: what was spent, what quality came of it, and how that compares."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from conduit.cli.console import note
from conduit.cli.demo_replay import DemoRun
from conduit.cli.demo_words import percent, quality, usd
from conduit.evaluation.frontier import frontier
from conduit.evaluation.replay_report import RANDOM
from conduit.evaluation.running import running_series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_CONDUIT, _BEST, _CHEAPEST, _MIXTURE, _INK = "#0072B2", "#D55E00", "#009E73", "#8a8a8a", "#333333"
"""Okabe and Ito's colours, which people with colour blindness tell apart."""

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "lines.solid_capstyle": "round",
}


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
        _figure(run).savefig(path, dpi=200, format="png")
    except OSError as error:
        note(f"No picture: {path} cannot be written ({error.strerror})")
        return None
    return path


def picture_path(database: Path) -> Path:
    """The database's name with ``.png`` for its ending, or after it where that is the ending."""
    path = database.with_suffix(".png")
    return path if path != database else Path(f"{database}.png")


def _figure(run: DemoRun) -> Figure:
    from matplotlib import rc_context  # noqa: PLC0415 - slow, and in an extra
    from matplotlib.figure import Figure  # noqa: PLC0415 - likewise

    with rc_context(_STYLE):
        figure = Figure(figsize=(11, 3.9), layout="constrained")
        panels = figure.subplots(1, 3, width_ratios=(1, 1, 1.25))
        _spend(panels[0], run)
        _quality(panels[1], run)
        _plane(panels[2], run)
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)  # type: ignore[union-attr]
        figure.canvas.draw()
    return figure


def _spend(ax: Axes, run: DemoRun) -> None:
    cost = run.simulator.outcomes.cost
    best, cheapest = _references(run)
    n = len(run.steps)
    lines = (
        ("always " + _short(run, best), np.cumsum(cost[:, best]), _BEST, 1.3),
        ("Conduit", np.cumsum([step.cost for step in run.steps]), _CONDUIT, 2.2),
        ("always " + _short(run, cheapest), np.cumsum(cost[:, cheapest]), _CHEAPEST, 1.3),
    )
    for label, series, colour, width in lines:
        ax.plot(np.arange(1, n + 1), series, color=colour, lw=width, zorder=width)
        ax.annotate(
            f"{label}\n{usd(float(series[-1]))}",
            (n, series[-1]),
            color=colour,
        )
    ax.set_title("Spend so far")
    ax.set_xlabel("prompts")
    ax.set_ylabel("USD")
