"""Processes that work side by side."""

from __future__ import annotations

import asyncio
import os
import signal
from multiprocessing.synchronize import Barrier

import pytest

from experiments.side_by_side import together


async def numbered(start: Barrier, number: int, text: str) -> str:
    """Wait for the others, and say who it is."""
    await asyncio.to_thread(start.wait)
    return f"{text} {number}"


async def dying(start: Barrier, number: int, how: str) -> None:
    """The second ends before it is ready; the first waits for it."""
    if number == 1:
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise SystemExit(1)
    await asyncio.to_thread(start.wait)


def test_what_each_says_is_told_in_order() -> None:
    """Whoever was done first."""
    assert together(3, numbered, "process") == ["process 0", "process 1", "process 2"]


@pytest.mark.parametrize("how", ["killed", "failed"])
def test_one_that_ends_without_a_word_ends_the_others(how: str) -> None:
    """Nobody waits for it, neither the others nor who began them."""
    with pytest.raises(EOFError):
        together(2, dying, how)
