"""A circuit breaker: who failed often is left alone for a while, then tried once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Whether a server that has been failing may be asked, as a value. Time is an argument.

    Closed, it lets every call through. ``threshold`` failures in a row open it, and for
    ``seconds`` nobody calls; then one call may try (half-open). If that succeeds the breaker
    closes, if it fails it stays open for as long again. A clock set back ends the wait, so that
    no wait is ever longer than ``seconds``.

    Args:
        threshold: failures in a row that open it, at least 1.
        seconds: how long it stays open.
        failures: failures in a row so far, at most ``threshold``.
        opened_at: seconds since the epoch; None while it is closed.
        trying: whether the one call of a half-open breaker is under way.
    """

    threshold: int = 5
    seconds: float = 300.0
    failures: int = 0
    opened_at: float | None = None
    trying: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the server counts as away."""
        return self.opened_at is not None

    def allows(self, now: float) -> bool:
        """Whether a call may be made now."""
        if self.opened_at is None:
            return True
        return not self.trying and not 0 <= now - self.opened_at < self.seconds

    def called(self) -> Self:
        """After a call that was allowed has begun; it is a trial where the breaker is open."""
        return replace(self, trying=self.is_open)

    def succeeded(self, *, trial: bool) -> Self:
        """After a call was answered.

        An answer to a call that was begun before the breaker opened says nothing of now.
        """
        if self.is_open and not trial:
            return self
        return replace(self, failures=0, opened_at=None, trying=False)

    def failed(self, now: float, *, trial: bool) -> Self:
        """After a call failed; one that was begun before the breaker opened prolongs nothing."""
        if self.is_open:
            return replace(self, opened_at=now, trying=False) if trial else self
        failures = self.failures + 1
        opened_at = now if failures >= self.threshold else None
        return replace(self, failures=failures, opened_at=opened_at)

    def tripped(self, now: float) -> Self:
        """After a call failed in a way that the next will too: open, however few came before."""
        return replace(self, failures=self.threshold, opened_at=now, trying=False)

    def abandoned(self, *, trial: bool) -> Self:
        """After a call was given up by its caller: it says nothing, and another may try."""
        return replace(self, trying=False) if trial else self
