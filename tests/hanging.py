"""Ends a process of the tests whose test, or what tidies up after it, never ends.

The timeout of each test, in ``pyproject.toml``, says where a test waits, and goes on with the next one.
It is off while a failed test tidies up, and who is busy does not heed it; then this ends the process.
"""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Generator

import pytest

LONGEST = 600.0
"""Seconds that a test, what it needs before, and what follows it may each take."""


def _bounded() -> Generator[None, object, object]:
    faulthandler.dump_traceback_later(LONGEST, exit=True, file=sys.__stderr__)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    """What a test needs."""
    return (yield from _bounded())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """The test."""
    return (yield from _bounded())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """What tidies up."""
    return (yield from _bounded())
