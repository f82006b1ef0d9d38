"""The log file of ``conduit batch``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from logging.handlers import RotatingFileHandler
from pathlib import Path

from conduit.cli.logs import OURS
from conduit.engines.telemetry import secrets_of
from conduit.settings import Settings
from conduit.telemetry.logs import LOGGER, TextLines
from conduit.telemetry.secrets import Mask

_LARGEST = 5_000_000
"""Bytes, after which a new file is begun."""
_KEPT = 3
"""Files that are kept besides."""
_FOR_THE_FILE = (LOGGER, f"{OURS}.batch.prompts")
"""Loggers with a line per call and prompt, which nobody wants between a bar and its table."""
_log = logging.getLogger(__name__)


@contextmanager
def logged_to_file(settings: Settings) -> Iterator[None]:
    """Write all of our messages to the file that is set; warnings go to standard error as ever.

    A file that cannot be written is warned of, and nothing more: the work goes on.
    """
    hidden = [(handler, _but_for_the_file) for handler in logging.getLogger().handlers]
    try:
        handler = _opened(settings.log_file)
    except OSError as error:
        _log.warning(
            "no log is written to %s: %s; name another file in CONDUIT_LOG_FILE",
            settings.log_file,
            error.strerror,
        )
        handler = None
    if handler is not None:
        handler.setFormatter(TextLines(Mask(secrets_of(settings)), loud=True))
    for other, kept in hidden:
        other.addFilter(kept)
    try:
        with _added(handler) if handler is not None else nullcontext():
            yield
    finally:
        for other, kept in hidden:
            other.removeFilter(kept)


def _opened(path: Path) -> RotatingFileHandler:
    path.parent.mkdir(parents=True, exist_ok=True)
    return RotatingFileHandler(
        path,
        maxBytes=_LARGEST,
        backupCount=_KEPT,
        encoding="utf-8",
        errors="backslashreplace",
    )


@contextmanager
def _added(handler: logging.Handler) -> Iterator[None]:
    ours = logging.getLogger(OURS)
    ours.addHandler(handler)
    try:
        yield
    finally:
        ours.removeHandler(handler)
        handler.close()


def _but_for_the_file(record: logging.LogRecord) -> bool:
    return record.name not in _FOR_THE_FILE
