"""Labels that stand beside what they name, and never on one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

_PLACES = (
    (7, 5, "left", "bottom"),
    (-7, 5, "right", "bottom"),
    (7, -5, "left", "top"),
    (-7, -5, "right", "top"),
    (9, 0, "left", "center"),
    (-9, 0, "right", "center"),
    (0, 9, "center", "bottom"),
    (0, -9, "center", "top"),
    (9, 16, "left", "bottom"),
    (-9, 16, "right", "bottom"),
    (9, -16, "left", "top"),
    (-9, -16, "right", "top"),
    (0, -24, "center", "top"),
    (0, 24, "center", "bottom"),
    (16, 26, "left", "bottom"),
    (-16, 26, "right", "bottom"),
    (16, -26, "left", "top"),
    (-16, -26, "right", "top"),
)
"""Where a label may stand: points to the right and up, and which of its corners is put there."""


_FLOOR = 0.06
"""Lowest middle of a label, as a share of a panel's height: below are the ticks of the axis."""

_CLEAR = 3.5
"""Points kept free around every mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A text and the point in data coordinates that it names."""

    text: str
    x: float
    y: float
    colour: str
    bold: bool = False


def label_ends(ax: Axes, labels: Sequence[Label], *, gap: float) -> None:
    """Put labels right of the panel, at the heights of their points, at least ``gap`` apart.

    Args:
        ax: the panel; its limits are final.
        labels: of the right ends of lines.
        gap: least distance between two labels, as a share of the panel's height.
    """
    low, high = ax.get_ylim()
    order = sorted(labels, key=lambda label: label.y)
    heights = [(label.y - low) / (high - low) for label in order]
    for label, height in zip(order, _apart(heights, gap), strict=True):
        ax.text(
            1.03,
            height,
            label.text,
            transform=ax.transAxes,
            color=label.colour,
            weight="bold" if label.bold else "normal",
            va="center",
            linespacing=1.25,
        )


def label_points(
    ax: Axes, labels: Sequence[Label], *, beside: Sequence[tuple[float, float]] = ()
) -> None:
    """Put labels next to their points, the first ones where they stand best.

    Args:
        ax: the panel, in its final place and with its final limits.
        labels: the most important first.
        beside: points in data coordinates, of curves and marks, to be kept free too.
    """
    points = [*beside, *((label.x, label.y) for label in labels)]
    taken = [_around(ax, x, y) for x, y in points]
    for label in labels:
        placed = _best_place(ax, label, taken)
        taken.append(placed)


def _best_place(ax: Axes, label: Label, taken: Sequence[Bbox]) -> Bbox:
    least, chosen = float("inf"), _PLACES[0]
    for place in _PLACES:
        trial = _annotate(ax, label, place)
        box = _extent(trial)
        trial.remove()
        trouble = sum(_overlap(box, other) for other in taken) + _outside(ax, box)
        if trouble < least:
            least, chosen = trouble, place
    return _extent(_annotate(ax, label, chosen))


def _annotate(ax: Axes, label: Label, place: tuple[int, int, str, str]) -> Annotation:
    dx, dy, ha, va = place
    return ax.annotate(
        label.text,
        (label.x, label.y),
        xytext=(dx, dy),
        textcoords="offset points",
        ha=ha,
        va=va,
        color=label.colour,
        weight="bold" if label.bold else "normal",
        linespacing=1.2,
        annotation_clip=False,
    )


def _extent(text: Annotation) -> Bbox:
    return text.get_window_extent()


def _around(ax: Axes, x: float, y: float) -> Bbox:
    from matplotlib.transforms import Bbox  # noqa: PLC0415 - slow, and in an extra

    across, up = ax.transData.transform((x, y))
    radius = _CLEAR * ax.figure.dpi / 72
    return Bbox.from_bounds(across - radius, up - radius, 2 * radius, 2 * radius)


def _overlap(one: Bbox, other: Bbox) -> float:
    """Shared area in square pixels."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return float(max(width, 0.0) * max(height, 0.0))


def _outside(ax: Axes, box: Bbox) -> float:
    inside = _overlap(box, ax.get_window_extent())
    return float(4 * (box.width * box.height - inside))


def _apart(heights: Sequence[float], gap: float) -> list[float]:
    """Ascending heights moved to be ``gap`` apart and, as far as they fit, within 0..1."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + gap) if placed else max(height, _FLOOR))
    ceiling = 1.0
    for i in range(len(placed) - 1, -1, -1):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    return placed
