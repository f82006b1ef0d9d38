"""Log messages and warnings, one line each, on standard error."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from conduit.cli.console import on_one_line
from conduit.settings import Settings

OURS = "conduit"


class OneLine(logging.Formatter):
    """``warning: message``, whatever line breaks the message has."""

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line."""
        return f"{record.levelname.lower()}: {on_one_line(record.getMessage())}"


@contextmanager
def logs_on_stderr() -> Iterator[None]:
    """Show messages while a command runs; libraries only from warnings on."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    root, ours = logging.getLogger(), logging.getLogger(OURS)
    before = ours.level
    root.addHandler(handler)
    logging.captureWarnings(True)
    ours.setLevel(logging.INFO)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        ours.setLevel(before)
        root.removeHandler(handler)


def load_settings() -> Settings:
    """Read the settings, and log at the level they say.

    Raises:
        ConfigurationError: for a value that cannot be used.
    """
    settings = Settings.load()
    logging.getLogger(OURS).setLevel(settings.log_level)
    return settings
