"""An answer on standard output, while it is given."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from conduit.simple.answer import Answer


class Voice:
    """Writes pieces as they come, and ends the last line, whatever happens."""

    def __init__(self) -> None:
        self._last = "\n"
        self._answer: Answer | None = None

    @property
    def answer(self) -> Answer:
        """The answer as a whole, once all pieces were taken."""
        assert self._answer is not None, "the last piece of an answer is the answer"
        return self._answer

    def take(self, piece: str | Answer) -> None:
        """Write a piece; the last is the answer, which was written already."""
        if isinstance(piece, Answer):
            self._answer = piece
            return
        sys.stdout.write(piece)
        sys.stdout.flush()
        self._last = piece

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._last.endswith("\n"):
            sys.stdout.write("\n")
            sys.stdout.flush()
