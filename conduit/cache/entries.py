"""Entries as bytes: a kind, a check sum, and a body; checked on reading, and never code."""

from __future__ import annotations

import zlib

_HEAD = 8
"""Bytes before the body: four of the kind, four of the check sum; bodies stay aligned."""


class CorruptEntryError(ValueError):
    """Bytes that are no entry of this kind, or not the one that was put under this key."""


def seal(kind: bytes, body: bytes, *, key: str) -> bytes:
    """An entry; ``kind`` is four bytes that name what it is and its version."""
    return kind + _check(kind, body, key) + body


def unseal(kind: bytes, entry: bytes, *, key: str) -> bytes:
    """The body of an entry.

    The key is part of the check sum, so an answer to another question is found out, too.

    Raises:
        CorruptEntryError: for bytes that :func:`seal` did not make of this kind and key.
    """
    body = entry[_HEAD:]
    if entry[:_HEAD] != kind + _check(kind, body, key):
        raise CorruptEntryError(f"{len(entry)} bytes are no entry of kind {kind!r}")
    return body


def _check(kind: bytes, body: bytes, key: str) -> bytes:
    return zlib.crc32(body, zlib.crc32(key.encode(), zlib.crc32(kind))).to_bytes(4, "little")
