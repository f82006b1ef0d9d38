"""Log messages and warnings, one line each, on standard error."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from conduit.cli.console import on_one_line
from conduit.engines.telemetry import log_formatter_from, secrets_of
from conduit.settings import Settings
from conduit.telemetry.logs import pairs
from conduit.telemetry.secrets import Mask

OURS = "conduit"


class OneLine(logging.Formatter):
    """``warning: message name=value``, whatever line breaks the message has.

    Args:
        mask: hides secrets.
    """

    def __init__(self, mask: Mask | None = None) -> None:
        super().__init__()
        self._mask = mask or Mask()

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line."""
        words = [record.getMessage(), *pairs(getattr(record, "fields", {}))]
        return f"{record.levelname.lower()}: {self._mask(on_one_line(' '.join(words)))}"


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


def write_lines_for(settings: Settings) -> None:
    """From here on lines have the form that is set, and hide every secret of the settings."""
    json = settings.log_format == "json"
    lines = log_formatter_from(settings) if json else OneLine(Mask(secrets_of(settings)))
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, OneLine):
            handler.setFormatter(lines)
