"""The share of an arm that has just appeared: how soon it settles, and how much a poor one gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conduit.core.statistics import Array

WINDOW = 50
"""Steps of the moving average, the last of which is the step it is given for."""
TAIL = 400
"""Last steps, over which the share at the end is taken."""
BAND = 0.25
"""How far from the share at the end, as a part of it, a share counts as the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """How an arm was taken up, from its appearance on.

    Args:
        end: its share of the last :data:`TAIL` steps.
        by: its share of the window that ends with the promised step.
        step: steps until the moving average is within :data:`BAND` of the end's share, and stays
            there for as many steps as a window has; the number of all steps if that never happens.
        reached: steps until the moving average first is at least (1 − BAND) of the end's share.
        calls: mean number of calls over all steps.
    """

    end: float
    by: float
    step: int
    reached: int
    calls: float


def adoption(chosen: NDArray[np.bool_], *, promised: int) -> Adoption:
    """Measure it on the mean over seeds.

    Args:
        chosen: (seeds, steps) whether the arm was chosen, from its appearance on.
        promised: the step by which its share is to be that of the end.
    """
    share = chosen.mean(axis=0)
    moving = moving_average(share)
    end = float(share[-TAIL:].mean())
    # An arm that is not chosen in the end has not been taken up, whatever happened on the way.
    inside = (np.abs(moving - end) <= BAND * end) & (end > 0)
    stays = moving_average(inside.astype(float)) == 1.0
    steps = len(share)
    return Adoption(
        end=end,
        by=float(moving[promised - WINDOW]),
        step=_first(stays, otherwise=steps),
        reached=_first((moving >= (1 - BAND) * end) & (end > 0), otherwise=steps),
        calls=float(chosen.sum(axis=1).mean()),
    )


def moving_average(values: Array) -> Array:
    """Means over :data:`WINDOW` values each, (n − WINDOW + 1,); the i-th ends at i + WINDOW − 1."""
    return np.convolve(values, np.full(WINDOW, 1 / WINDOW), mode="valid")


def _first(holds: Sequence[bool] | NDArray[np.bool_], *, otherwise: int) -> int:
    """Steps taken when the first window for which it holds is complete."""
    found = np.flatnonzero(holds)
    return int(found[0]) + WINDOW if len(found) else otherwise
