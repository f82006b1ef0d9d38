"""The engine is loaded by the first call that needs it, which says so where somebody looks."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from typing import Any

_ENGINE = "conduit.engines.router"
"""Takes a second to load; where it is there, all else is quick."""
_log = logging.getLogger("conduit.simple")


def loaded(module: str) -> Any:
    """A module of this package that needs the engine."""
    if _ENGINE not in sys.modules:
        _log.info("loading the engine, the text encoder and the database, once per process")
        on_terminal("Conduit is warming up …")
    return import_module(f"{__package__}.{module}")


def on_terminal(text: str) -> None:
    """Say something to who waits before a terminal, and is not shown the log."""
    if sys.stderr.isatty() and not _log.isEnabledFor(logging.INFO):
        print(text, file=sys.stderr)  # noqa: T201 - for who waits
