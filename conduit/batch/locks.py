"""A lock that ends with its process, however that ends; what it leaves behind locks nothing."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_LOOK = 0.1
"""Seconds between two looks at a lock that somebody else has."""


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    """Have a lock for oneself, among processes and tasks; wait for it as long as it takes.

    The operating system locks the open file, not its name: where a process is killed, a file stays
    that nobody has locked, and the next one takes it.

    Args:
        path: of the lock; its folder is made where it is missing.

    Raises:
        OSError: when no file can be made there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while (held := _taken(path)) is None:  # noqa: ASYNC110 - another process wakes nobody
        await asyncio.sleep(_LOOK)
    try:
        yield
    finally:
        _give_up(path, held)


def _taken(path: Path) -> int | None:
    """The locked file; None while another has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if _lock(file) and _is_still_at(path, file):
            return file
    except BaseException:
        os.close(file)
        raise
    os.close(file)
    return None


def _is_still_at(path: Path, file: int) -> bool:
    """Whether the name means this file; who had it before may have removed it meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _lock(file: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _give_up(path: Path, file: int) -> None:
    if sys.platform == "win32":  # where an open file cannot be removed
        os.close(file)
        with suppress(OSError):
            path.unlink()
    else:
        path.unlink(missing_ok=True)
        os.close(file)
