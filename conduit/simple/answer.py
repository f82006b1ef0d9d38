"""The response of the one-line face: the one of all faces, which can be rated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Self

from conduit.core.outcomes import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Response):
    """A :class:`~conduit.core.outcomes.Response` that takes a rating.

    Args:
        tell: passes a rating on to who made the decision.
    """

    tell: Callable[[float], None] = field(repr=False, compare=False)

    @classmethod
    def of(cls, response: Response, *, rate: Callable[[float], None]) -> Self:
        """A response, and who learns from its rating."""
        known = {it.name: getattr(response, it.name) for it in fields(response)}
        return cls(**known, tell=rate)

    def rate(self, rating: float) -> None:
        """Say how the answer was, so that the next decision is better.

        It is learned once: the same rating again changes nothing, another one takes its place.

        Args:
            rating: 1 to 5.

        Raises:
            InvalidInputError: for a rating out of range.
        """
        self.tell(rating)

    async def arate(self, rating: float) -> None:
        """Likewise, while the caller's event loop goes on."""
        await asyncio.to_thread(self.rate, rating)
