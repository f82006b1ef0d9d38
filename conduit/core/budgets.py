"""Budgets: whose money, in which window, and how much of it; exact to a nanodollar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Self

from conduit.core.errors import InvalidInputError
from conduit.core.figures import brief, finite

NANO = 1_000_000_000
"""Nanodollars in a dollar. Ledgers count in whole ones, so that sums are exact in any order."""
MOST = 2e6
"""USD; up to there a float of dollars tells every nanodollar from the next."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR, DAY = 3600.0, 86400.0


def nanos(usd: float | Decimal, *, what: str) -> int:
    """An amount in whole nanodollars, rounded to the nearest: never reversing an order.

    Args:
        usd: the amount, 0 to :data:`MOST`.
        what: it is, for the error.

    Raises:
        InvalidInputError: for a negative amount, one that is no number, or one beyond all sense.
    """
    if not (finite(usd) and 0 <= usd <= MOST):
        shown = f"{usd:g}" if isinstance(usd, float) else brief(usd)
        raise InvalidInputError(
            f"{what} of ${shown} cannot be", remedy=f"give USD from 0 to {MOST:,.0f}"
        )
    return round(usd * NANO)


class ScopeKind(StrEnum):
    """What a budget may be for."""

    USER = "user"
    TEAM = "team"
    API_KEY = "api_key"
    SESSION = "session"
    MODEL = "model"
    TASK_TYPE = "task_type"


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Whose money it is.

    Args:
        kind: of what.
        name: its id, as text, for 42 and "42" would be two to some and one to others; an API key's
            is a hash or a label, never the key.

    Raises:
        InvalidInputError: without a name, or for one that is no text.
    """

    kind: ScopeKind
    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InvalidInputError(
                f"a {self.kind.value} cannot be named {self.name!r}",
                remedy=f"give a text, such as str({self.kind.value})",
            )
        if not self.name:
            raise InvalidInputError(f"a {self.kind.value} without a name", remedy="give its id")

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The scope that ``str`` writes as ``kind:name``.

        Raises:
            InvalidInputError: for any other text.
        """
        kind, _, name = text.partition(":")
        if kind not in {known.value for known in ScopeKind}:
            kinds = ", ".join(ScopeKind)
            raise InvalidInputError(f"unknown scope {text!r}", remedy=f"write {kinds}, then :ID")
        return cls(ScopeKind(kind), name)


class Period(StrEnum):
    """How long a budget lasts; a total one is never renewed."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    TOTAL = "total"

    @classmethod
    def named(cls, name: str) -> Period:
        """The period of that name.

        Raises:
            InvalidInputError: for another one.
        """
        try:
            return cls(name)
        except ValueError:
            raise InvalidInputError(
                f"unknown period {str(name)!r}", remedy=f"choose one of: {', '.join(cls)}"
            ) from None

    def starts(self, now: float) -> float:
        """When the calendar period that holds ``now`` began, in UTC; weeks begin on Monday."""
        if self is Period.TOTAL:
            return 0.0
        moment = EPOCH + timedelta(seconds=int(now))
        hour = moment.replace(minute=0, second=0, microsecond=0)
        if self is Period.HOURLY:
            return hour.timestamp()
        day = hour.replace(hour=0)
        if self is Period.WEEKLY:
            day -= timedelta(days=day.weekday())
        return (day.replace(day=1) if self is Period.MONTHLY else day).timestamp()

    def ends(self, now: float) -> float | None:
        """When that period ends; None for a total."""
        if self is Period.TOTAL:
            return None
        return self.starts(self.starts(now) + _LONGEST[self])


AHEAD = HOUR
"""Seconds that the clocks of processes may be apart."""
_LONGEST = {
    Period.HOURLY: HOUR,
    Period.DAILY: DAY,
    Period.WEEKLY: 7 * DAY,
    Period.MONTHLY: 31 * DAY,
}
"""Seconds after the start of a calendar period that are in the next one."""
_ROLLING = {
    Period.HOURLY: (HOUR, HOUR / 60),
    Period.DAILY: (DAY, DAY / 48),
    Period.WEEKLY: (7 * DAY, DAY / 8),
    Period.MONTHLY: (30 * DAY, DAY),
}
"""Length and grain of a rolling window, in seconds."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """When spending counts together: in a calendar period (UTC), or in the last so many seconds.

    A rolling window is kept in 30 to 60 grains, and money comes back when all of its grain has left
    the window: one that slides by the second never holds more than the limit.

    Args:
        period: how long; a rolling month has 30 days.
        rolling: whether it moves along, instead of beginning anew.

    Raises:
        InvalidInputError: for a rolling total.
    """

    period: Period
    rolling: bool = False

    def __post_init__(self) -> None:
        if self.rolling and self.period is Period.TOTAL:
            raise InvalidInputError("a total never rolls", remedy="choose hourly to monthly")

    def __str__(self) -> str:
        return f"rolling {self.period.value}" if self.rolling else self.period.value

    @classmethod
    def parse(cls, text: str) -> Self:
        """The window that ``str`` writes.

        Raises:
            InvalidInputError: for any other text.
        """
        name = text.removeprefix("rolling ")
        if name not in {known.value for known in Period}:
            known = ", ".join(Period)
            raise InvalidInputError(f"unknown window {text!r}", remedy=f"choose one of: {known}")
        return cls(Period(name), rolling=name != text)

    def slot(self, now: float) -> int:
        """Where spending of this moment is added up: the start of its period or grain."""
        if not self.rolling:
            return int(self.period.starts(now))
        grain = _ROLLING[self.period][1]
        return int(now // grain * grain)

    def oldest(self, now: float) -> int:
        """The first slot that counts now."""
        if not self.rolling:
            return self.slot(now)
        return self.slot(now - _ROLLING[self.period][0])

    def newest(self, now: float) -> int:
        """The last slot that counts now: further ahead is only who has a wrong clock."""
        return self.slot(now + AHEAD)

    @property
    def slots(self) -> int:
        """How many may count at the same moment, of those that have begun."""
        if not self.rolling:
            return 1
        length, grain = _ROLLING[self.period]
        return round(length / grain) + 1

    def lapses(self, slot: int) -> float | None:
        """When what was spent in a slot counts no more; None for never."""
        if not self.rolling:
            return self.period.ends(slot)
        length, grain = _ROLLING[self.period]
        return slot + grain + length


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """At most so much for one scope in one window; there is one budget for each pair.

    Args:
        scope: whose money.
        window: when it counts.
        limit: USD, 0 or more.

    Raises:
        InvalidInputError: for a limit that cannot be.
    """

    scope: Scope
    window: Window
    limit: float

    def __post_init__(self) -> None:
        nanos(self.limit, what="a limit")

    @property
    def name(self) -> str:
        """For people, such as ``daily budget of user 'anna'``."""
        kind = self.scope.kind.value.replace("_", " ")
        return f"{self.window} budget of {kind} {self.scope.name!r}"
