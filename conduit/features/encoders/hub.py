"""One file from the model hub, or nothing, soon.

Plain ``urllib``, no hub client: one attempt, one clear time limit, no retries, no environment.
"""

from __future__ import annotations

import logging
import time
from http.client import HTTPException, HTTPResponse
from typing import cast
from urllib.request import Request, urlopen

HUB = "https://huggingface.co"
"""The public model hub."""

_CHUNK = 1 << 20
_logger = logging.getLogger(__name__)


def fetch(url: str, *, size: int, timeout: float = 5.0, within: float = 120.0) -> bytes | None:
    """The file at an address, or None when it cannot be had.

    A hub that is unreachable, refuses, stalls, is too slow, or sends another number of bytes
    (as log-in pages of networks do) counts as absent: one line at level INFO, no error.

    Args:
        url: ``http`` or ``https`` address.
        size: bytes the file must have.
        timeout: seconds allowed to connect, and for every read.
        within: seconds allowed for the whole file.
    """
    request = Request(url, headers={"User-Agent": "conduit-router"})  # noqa: S310 - a fixed scheme
    try:
        with urlopen(request, timeout=timeout) as response:  # noqa: S310 - a fixed scheme
            data = _read(cast("HTTPResponse", response), size, time.monotonic() + within)
    except (OSError, HTTPException) as error:
        _logger.info("%s cannot be fetched (%s)", url, error)
        return None
    if len(data) != size:
        _logger.info("%s gave %d bytes where %d were expected", url, len(data), size)
        return None
    return data


def _read(response: HTTPResponse, size: int, deadline: float) -> bytes:
    """At most one chunk more than asked, so that an endless answer ends."""
    data = bytearray()
    while len(data) <= size and (chunk := response.read1(_CHUNK)):
        data += chunk
        if time.monotonic() > deadline:
            raise TimeoutError("the whole file took too long")
    return bytes(data)
