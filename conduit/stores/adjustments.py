"""Adjustments: what happened to all that had been observed of one head of one arm, so far.

A shift adds to targets, a discount takes weight away. Every observation knows the newest
adjustment of the time when it was first recorded, its *era*; the later ones apply to it, whenever
it is folded, corrected or read again from the log. So learned state does not depend on which of
them came first, and a rebuild repeats what had happened, whatever the clocks said.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from conduit.core.outcomes import Change
from conduit.core.statistics import SufficientStatistics
from conduit.stores.delta import Pending, StateKey


class AdjustmentKind(StrEnum):
    """What an adjustment changes."""

    SHIFT = "shift"
    DISCOUNT = "discount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """One change of everything observed before it.

    Args:
        number: grows from one adjustment to the next.
        arm: id of the arm.
        head: name of the head.
        kind: shift or discount.
        amount: added to every target, or the share of the weight that is left, 0..1; a share of
            0 sets all of it aside, its count too.
    """

    number: int
    arm: str
    head: str
    kind: AdjustmentKind
    amount: float


@dataclass(frozen=True, slots=True)
class _Since:
    """Per position in ``numbers``, the share and the shift of the adjustments from there on."""

    numbers: list[int]
    shares: list[float]
    shifts: list[float]


class Adjustments:
    """What remains to be done to observations, by their era.

    Args:
        adjustments: of any arms and heads, each key's in ascending order.
    """

    def __init__(self, adjustments: Iterable[Adjustment] = ()) -> None:
        by_key: dict[StateKey, list[Adjustment]] = {}
        for adjustment in adjustments:
            by_key.setdefault((adjustment.arm, adjustment.head), []).append(adjustment)
        self._since = {key: _since(some) for key, some in by_key.items()}

    def since(self, key: StateKey, era: int) -> tuple[float, float]:
        """(share, shift) for what was recorded in an era: weights times one, targets plus other."""
        if key not in self._since:
            return 1.0, 0.0
        known = self._since[key]
        place = bisect_right(known.numbers, era)
        return known.shares[place], known.shifts[place]

    def marked(self, change: Change, *, era: int) -> Change:
        """A correction of what was recorded in an era, with whether it was adjusted since."""
        key = (change.observation.arm, change.observation.head.value)
        adjusted = change.previous is not None and self.since(key, era) != (1.0, 0.0)
        return replace(change, adjusted=True) if adjusted else change

    def applied(self, entry: Pending, *, era: int) -> Pending | None:
        """An observation or correction as it counts now; None when it has been set aside."""
        share, by = self.since((entry.arm, entry.head), era)
        if (share, by) == (1.0, 0.0):
            return entry
        if share == 0.0:
            return None
        previous = None if entry.previous is None else entry.previous + by
        return replace(
            entry, weight=entry.weight * share, value=entry.value + by, previous=previous
        )

    def applied_to(
        self, key: StateKey, sums: SufficientStatistics, *, era: int
    ) -> SufficientStatistics | None:
        """Sums of observations of one era as they count now; None when they have been set aside."""
        share, by = self.since(key, era)
        if share == 0.0:
            return None
        moved = sums if by == 0.0 else sums.shifted(by)
        return moved if share == 1.0 else moved.scaled(share)


def _since(adjustments: list[Adjustment]) -> _Since:
    shares, shifts = [1.0], [0.0]
    for adjustment in reversed(adjustments):
        shift = adjustment.amount if adjustment.kind is AdjustmentKind.SHIFT else 0.0
        share = adjustment.amount if adjustment.kind is AdjustmentKind.DISCOUNT else 1.0
        shares.append(shares[-1] * share)
        shifts.append(shifts[-1] + shift)
    numbers = [adjustment.number for adjustment in adjustments]
    return _Since(numbers, shares[::-1], shifts[::-1])
