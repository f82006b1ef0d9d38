"""The response of the one-line face: the one of all faces, which can be rated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import fields
from typing import Self

from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Response


class Answer(Response):
    """A :class:`~conduit.core.outcomes.Response` that takes a rating.

    Who learns of it is no field, so that an answer can be copied, pickled and made a dictionary as
    any response. A copy is a response whose decision is rated by its id.
    """

    __slots__ = ("_tell",)
    _tell: Callable[[float], None]

    @classmethod
    def of(cls, response: Response, *, rate: Callable[[float], None]) -> Self:
        """A response, and who learns from its rating."""
        answer = cls(**{it.name: getattr(response, it.name) for it in fields(response)})
        object.__setattr__(answer, "_tell", rate)
        return answer

    def rate(self, rating: float) -> None:
        """Say how the answer was, so that the next decision is better.

        It is learned once: the same rating again changes nothing, another one takes its place.

        Args:
            rating: 1 to 5.

        Raises:
            InvalidInputError: for a rating out of range, or of a copy, which names the way.
        """
        tell = getattr(self, "_tell", None)
        if tell is None:
            raise InvalidInputError(
                f"a copy of the answer of decision {self.decision_id!r} has nobody to tell",
                remedy=f"use conduit feedback {self.decision_id} --rating {rating:g}",
            )
        tell(rating)

    async def arate(self, rating: float) -> None:
        """Likewise, while the caller's event loop goes on."""
        await asyncio.to_thread(self.rate, rating)
