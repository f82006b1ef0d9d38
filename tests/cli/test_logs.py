"""Lines on standard error: their form, and what they hide."""

from __future__ import annotations

import json
import logging

import pytest

from conduit.cli.logs import logs_on_stderr, write_lines_for
from conduit.settings import Settings

KEY = "canary-key-1"


def lines_with(capsys: pytest.CaptureFixture[str], **settings: str) -> list[str]:
    """What stands on standard error after one line with a field and a key."""
    with logs_on_stderr():
        write_lines_for(Settings(openai_api_key=KEY, **settings))  # type: ignore[arg-type]
        logging.getLogger("conduit.requests").info(
            "it is\n%s", KEY, extra={"fields": {"cost": 0.25}}
        )
    return capsys.readouterr().err.splitlines()


def test_a_line_for_people_has_its_fields_and_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, whatever breaks the message has, with every known secret hidden."""
    assert lines_with(capsys) == ["info: it is ******** cost=0.25"]


def test_a_line_for_machines_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """CONDUIT_LOG_FORMAT=json gives one object per line, with the same fields."""
    (line,) = lines_with(capsys, log_format="json")
    said = json.loads(line)
    assert (said["level"], said["cost"]) == ("info", 0.25)
    assert KEY not in line
