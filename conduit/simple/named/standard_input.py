"""A prompt from standard input."""

from __future__ import annotations

import sys

from conduit.core.errors import InvalidInputError
from conduit.core.models import MAX_TEXT_BYTES

_MOST_READ = 2 * MAX_TEXT_BYTES
"""An endless stream must end; up to here the exact size is for the query to judge."""


def standard_input() -> str:
    """All of it, without the line break at its end.

    Raises:
        InvalidInputError: when it is empty, too long or no text.
    """
    data = sys.stdin.buffer.read(_MOST_READ + 1)
    if len(data) > _MOST_READ:
        raise InvalidInputError(
            f"standard input has more than {_MOST_READ:,} bytes",
            remedy=f"shorten the prompt to {MAX_TEXT_BYTES:,}",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"standard input is no UTF-8 text (byte {error.start})",
            remedy="convert it, as in: iconv -f LATIN1 -t UTF-8",
        ) from None
    if not text.strip():
        raise InvalidInputError(
            "standard input is empty", remedy='pass a prompt, as in: conduit run "What is 2+2?"'
        )
    return text.rstrip("\r\n")  # the line break that echo adds is no part of the prompt
