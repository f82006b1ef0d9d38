"""Log lines of a server that was started without logging set up."""

from __future__ import annotations

import logging

import pytest

from conduit.api.log_lines import OURS, lines_written
from conduit.settings import Settings


def bare(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """Logging as a new process has it; a fixture would come before pytest's own handlers."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    ours = logging.getLogger(OURS)
    monkeypatch.setattr(ours, "handlers", [])
    return ours


def test_lines_are_written_where_nobody_else_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They go to standard error with their fields, secrets hidden, and end with the server."""
    ours = bare(monkeypatch)
    level = ours.level
    with lines_written(Settings(api_key="sk-canary-0123456789")):
        ours.info("request", extra={"fields": {"model": "small", "said": "sk-canary-0123456789"}})
    said = capsys.readouterr().err
    assert "model=small" in said
    assert "canary" not in said
    assert (ours.handlers, ours.level) == ([], level)


def test_logging_that_was_set_up_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has handlers of their own has all lines there, once."""
    ours = bare(monkeypatch)
    own = logging.NullHandler()
    logging.getLogger().addHandler(own)
    with lines_written(Settings()):
        assert ours.handlers == []
    assert logging.getLogger().handlers == [own]
