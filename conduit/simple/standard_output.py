"""Standard output: whatever its encoding, and however it ends."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def write_out(text: str) -> None:
    """Write at once; nothing where there is no standard output.

    Raises:
        OSError: when it cannot be written to, as on a full disk; what is left of it is dropped.
        BrokenPipeError: when its reader has gone away.
    """
    stream = sys.stdout
    if stream is None:
        return
    try:
        stream.write(encodable(text, stream))
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
