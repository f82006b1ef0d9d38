"""The server of Conductor's README: its lines unchanged but for the app's name, the port and the key."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ...cli.conftest import Served
from .machine import KEY, Machine

OPTIONS = """
export CONDUCTOR_DB_PATH="conductor.db"
export CONDUCTOR_API_KEY="your-api-key"  # if set, require X-API-Key header
"""
PRICES = """
export CONDUCTOR_PRICING_JSON='{"gpt-4o-mini":{"input":0.15,"output":0.60},"gpt-4o":{"input":2.50,"output":10.00}}'
export CONDUCTOR_MODELS_JSON='{"cheap":"gpt-4o-mini","quality":"gpt-4o","baseline":"gpt-4o"}'
"""
REQUEST = r"""
curl -X POST http://localhost:8000/llm \
  -H "Content-Type: application/json" \
  -H "X-API-Key: your-api-key" \
  -d '{"prompt":"Summarize this note","quality":"auto"}'
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which the README's server runs, offline."""
    machine = Machine(tmp_path_factory.mktemp("conductor"), CONDUIT_OFFLINE="1")
    with machine.serving(OPTIONS):
        yield machine


def test_the_request_of_the_readme_is_answered(machine: Machine) -> None:
    """The curl of the README gets the fields of Conductor's Response, as printed there."""
    status, said = machine.curl(REQUEST)
    assert status == 200, said
    assert said["text"]
    assert said["model"] in {"scripted-small", "scripted-medium", "scripted-large"}
    for name in ("cost", "saved", "baseline_cost"):
        assert isinstance(said[name], float)
    for name in ("prompt_tokens", "completion_tokens"):
        assert isinstance(said[name], int)
    assert said["cost"] > 0
    assert said["saved"] == pytest.approx(said["baseline_cost"] - said["cost"])


@pytest.mark.parametrize("header", ["X-API-Key: wrong", "X-Something: else"])
def test_the_key_is_required_where_it_is_set(machine: Machine, header: str) -> None:
    """Without the key of CONDUCTOR_API_KEY as X-API-Key the answer is 401, with a detail."""
    status, said = machine.curl(REQUEST.replace("X-API-Key: your-api-key", header))
    assert status == 401
    assert "X-API-Key" in said["detail"]
    assert KEY not in said["detail"]


def test_what_scripted_models_did_is_kept_apart(machine: Machine) -> None:
    """Offline, the file that CONDUCTOR_DB_PATH names hears of nothing."""
    assert machine.curl(REQUEST)[0] == 200
    assert (machine.folder / "data" / "offline.db").exists()
    assert not (machine.folder / "conductor.db").exists()


def _wait_until_paid(path: Path, decision_id: str) -> None:
    until = time.monotonic() + 10
    while decision_id not in (known := _paid(path)):
        assert time.monotonic() < until, known
        time.sleep(0.01)


def _paid(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as books:
        return [row[0] for row in books.execute("SELECT decision_id FROM costs")]


def test_prices_and_models_are_those_of_the_environment(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The README's two JSON variables say who answers, what that costs, and against what is saved.

    CONDUCTOR_DB_PATH names the SQLite file that cost records are kept in, a moment after the answer.
    """
    with Served() as openai:
        machine = Machine(
            tmp_path_factory.mktemp("priced"),
            OPENAI_API_KEY="key-that-nobody-may-see",
            OPENAI_BASE_URL=f"{openai.server.url}/v1",
            CONDUIT_MODELS="gpt-4o-mini,gpt-4o",  # at this address others have no price
        )
        with machine.serving(OPTIONS + PRICES):
            answers = {
                quality: machine.curl(REQUEST.replace("auto", quality))
                for quality in ("low", "high", "auto")
            }
            _wait_until_paid(machine.folder / "conductor.db", answers["auto"][1]["decision_id"])
    assert {status for status, _ in answers.values()} == {200}
    low, high, auto = (answers[quality][1] for quality in ("low", "high", "auto"))
    dear = (11 * 2.50 + 7 * 10.00) / 1e6
    cheap = (11 * 0.15 + 7 * 0.60) / 1e6
    assert (low["model"], low["cost"]) == ("gpt-4o-mini", pytest.approx(cheap))
    assert low["saved"] == pytest.approx(dear - cheap)
    assert (high["model"], high["cost"], high["saved"]) == ("gpt-4o", pytest.approx(dear), 0)
    assert auto["model"] in {"gpt-4o-mini", "gpt-4o"}
    assert [body["model"] for body in openai.bodies[:2]] == ["gpt-4o-mini", "gpt-4o"]
    assert openai.bodies[0]["messages"] == [{"role": "user", "content": "Summarize this note"}]
