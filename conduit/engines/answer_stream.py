"""An answer that is being given, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from conduit.core.arms import Arm
from conduit.core.decisions import Decision
from conduit.core.outcomes import Delta, Response


class AnswerStream:
    """Pieces of one answer; the first of them is there, so who answers is settled.

    Close it, or read it to its end: what was given until then is paid either way.

    Args:
        decision: what was decided.
        arm: the model that is answering, which need not be the one decided.
        pieces: of the answer; the whole response is the last.
        first: the piece that was read already; None where none was.
        attempts: made for it until then; 0 where the answer was given before.

    Attributes:
        response: the answer as a whole, once all pieces were read; None until then.
    """

    def __init__(
        self,
        decision: Decision,
        arm: Arm,
        pieces: AsyncIterator[Delta | Response],
        *,
        first: Delta | None = None,
        attempts: int = 1,
    ) -> None:
        self.decision = decision
        self.arm = arm
        self.attempts = attempts
        self.response: Response | None = None
        self._pieces = pieces
        self._first = first

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delta:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        piece = await anext(self._pieces)
        if isinstance(piece, Response):
            self.response = piece
            await self.aclose()
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Hang up; repeatable."""
        self._first = None
        close = getattr(self._pieces, "aclose", None)
        if close is not None:
            await close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
