"""The engine is loaded by the first call that needs it, which says so where somebody looks."""

from __future__ import annotations

import logging
import sys
import threading
from importlib import import_module
from typing import Any

from conduit.simple.ending import over

_ENGINE = "conduit.engines.router"
"""Takes a second to load; where it is there, all else is quick."""
_log = logging.getLogger("conduit.simple")


def loaded(module: str) -> Any:
    """A module of this package that needs the engine.

    Raises:
        ConduitError: when a thread needs it for the first time after the main program has ended.
    """
    if _ENGINE not in sys.modules:
        _log.info("loading the engine, the text encoder and the database, once per process")
        on_terminal("Conduit is warming up …")
    try:
        return import_module(f"{__package__}.{module}")
    except RuntimeError:  # Python's thread pools, among others, cannot be loaded any more
        if threading.main_thread().is_alive():
            raise
        raise over() from None


def on_terminal(text: str) -> None:
    """Say something to who waits before a terminal, and is not shown the log."""
    if sys.stderr.isatty() and not _log.isEnabledFor(logging.INFO):
        print(text, file=sys.stderr)  # noqa: T201 - for who waits
