"""Log lines of a server that nobody has told where to write them: one run by bare uvicorn."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from conduit.engines.telemetry import log_formatter_from
from conduit.settings import Settings

OURS = "conduit"


@contextmanager
def lines_written(settings: Settings) -> Iterator[None]:
    """Lines go to standard error, with secrets hidden, unless logging was set up elsewhere."""
    ours = logging.getLogger(OURS)
    if ours.handlers or logging.getLogger().handlers:
        yield
        return
    handler, before = logging.StreamHandler(), ours.level
    handler.setFormatter(log_formatter_from(settings))
    ours.addHandler(handler)
    ours.setLevel(settings.log_level)
    try:
        yield
    finally:
        ours.removeHandler(handler)
        ours.setLevel(before)
