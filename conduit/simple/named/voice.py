"""An answer on standard output, while it is given."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from conduit.simple.answer import Answer
from conduit.simple.standard_output import write_out


class Voice:
    """Writes pieces as they come, and ends the last line, whatever happens.

    Where standard output cannot be written to, the answer is taken all the same: it is paid.

    Attributes:
        refused: why nothing is written any more; None as long as it is.
    """

    def __init__(self) -> None:
        self.refused: OSError | None = None
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
        self._write(piece)
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
            self._write("\n")

    def _write(self, text: str) -> None:
        if self.refused is not None:
            return
        try:
            write_out(text)
        except OSError as error:
            self.refused = error
