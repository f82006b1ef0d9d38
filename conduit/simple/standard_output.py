"""Standard output: whatever its encoding, and however it ends."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def write_out(text: str, *, exact: bool = False) -> None:
    """Write at once; nothing where there is no standard output.

    Args:
        text: to write, in the encoding and with the line breaks of standard output.
        exact: in UTF-8 with its own line breaks instead, for files; where bytes can be written.

    Raises:
        OSError: when it cannot be written to, as on a full disk; what is left of it is dropped.
        BrokenPipeError: when its reader has gone away.
    """
    stream = sys.stdout
    if stream is None:
        return
    raw = getattr(stream, "buffer", None) if exact else None  # a notebook's has none
    try:
        if raw is None:
            stream.write(encodable(text, stream))
        else:
            stream.flush()
            raw.write(text.encode("utf-8", "replace"))
        stream.flush()
    except OSError:
        drop_output()
        raise


def drop_output() -> None:
    """What is still buffered and cannot be written would complain once more at the end."""
    stream = sys.stdout
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def encodable(text: str, stream: TextIO) -> str:
    """The text with what the stream cannot encode replaced."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
