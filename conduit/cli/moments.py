"""Moments on the command line: so long ago, or a date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import typer

from conduit.cli.numbers import age


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment that was written; one of the two is None.

    Args:
        ago: seconds before now.
        at: seconds since the epoch.
    """

    ago: float | None = None
    at: float | None = None

    def seconds(self, *, now: float) -> float:
        """The moment, in seconds since the epoch."""
        return self.at if self.at is not None else now - (self.ago or 0.0)


def moment(text: str) -> Moment:
    """Read a moment: an age before now, or a date or time in UTC where it names no zone.

    Raises:
        typer.BadParameter: for other text.
    """
    try:
        return Moment(ago=age(text))
    except typer.BadParameter:
        pass
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no moment; write it as in 24h, 7d, 8w, 2026-11-01 or 2026-11-01T15:30"
        ) from None
    return Moment(at=(read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
