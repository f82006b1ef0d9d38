"""Server-sent events, as far as models send them: bytes in any pieces in, whole events out."""

from __future__ import annotations

from collections.abc import Iterator

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventParser:
    """Reads the data of events out of a stream of bytes.

    Lines end with CR LF, LF or CR; an event ends with an empty line; ``data`` fields of one event
    are joined by LF; comments and other fields are passed over. Lines are divided before anything
    is decoded, for pieces end anywhere, also inside a character. What has not ended when the
    stream does is no event (WHATWG HTML, section 9.2).
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._ended_with_cr = False
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The data of every event that ends in this piece; to be read to its end."""
        for line in self._lines(piece):
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif line == b"data":
                self._data.append(b"")
            elif not line and self._data:
                data, self._data = self._data, []
                yield b"\n".join(data)

    def _lines(self, piece: bytes) -> list[bytes]:
        if self._ended_with_cr and piece.startswith(b"\n"):  # the other half of one line's end
            piece, self._ended_with_cr = piece[1:], False
        if not piece:
            return []
        self._ended_with_cr = piece.endswith(b"\r")
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        if lines and not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        return lines
