"""``conduit serve``: a server that says where it is, and refuses what it may not do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from .conftest import PRICES, Run, Served
from .serving import served

ASKED = {"model": "auto", "messages": [{"role": "user", "content": "What is 2+2?"}]}


def test_offline_it_answers_without_a_key(machine: Path) -> None:
    """It says its URL, answers, keeps what it learns in a file of its own, and ends well."""
    with served("--offline") as url:
        answer = httpx.post(f"{url}/v1/chat/completions", json=ASKED)
        stats = httpx.get(f"{url}/v1/stats").json()
    assert answer.json()["model"].startswith("scripted-")
    assert "answers offline: What is 2+2?" in answer.json()["choices"][0]["message"]["content"]
    assert stats["answers"] == 1
    assert (machine / "data" / "offline.db").exists()
    assert not (machine / "data" / "conduit.db").exists()


def test_the_models_of_the_settings_are_called(openai: Served, database: Path) -> None:
    """With a key the configured models answer, and decisions live in the usual database."""
    with served() as url:
        answer = httpx.post(f"{url}/v1/chat/completions", json=ASKED).json()
    assert answer["choices"][0]["message"]["content"] == "4"
    assert answer["model"] in PRICES
    assert answer["usage"] == {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    assert len(openai.bodies) == 1
    assert database.exists()


def test_options_choose_models_and_database(machine: Path) -> None:
    """--models and --database say what is served, and where it is kept, whatever its name is."""
    kept = machine / "my data" / "kept? #1 100%.db"
    kept.parent.mkdir()
    with served("--offline", "--models", "gpt-4o-mini,gpt-4o", "--database", str(kept)) as url:
        listed = httpx.get(f"{url}/v1/models").json()["data"]
    assert {model["id"] for model in listed if model["conduit"]} == {"gpt-4o-mini", "gpt-4o"}
    assert kept.exists()


def test_bare_uvicorn_serves_the_same_app(machine: Path) -> None:
    """``uvicorn conduit.api.main:app`` reads its settings when it starts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "conduit.api.main:app", "--port", str(port)],
        env=os.environ | {"CONDUIT_OFFLINE": "true"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert any("running on" in line for line in process.stderr)
        assert httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    finally:
        process.terminate()
        process.communicate(timeout=20)


REFUSED = [
    ([], "in .env, or try it without: --offline, or CONDUIT_OFFLINE=1"),
    (["--offline", "--host", "0.0.0.0"], "set CONDUIT_API_KEY, or leave --host out"),
    (["--offline", "--port", "70000"], "port=70000 cannot be"),
    (["--offline", "--models", "gpt-99"], "unknown model 'gpt-99'"),
    (["--offline", "--database", "oracle://here"], "'oracle' are not supported"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED)
def test_what_cannot_be_served_is_one_line(
    process: Run, arguments: list[str], said: str, machine: Path
) -> None:
    """No key, a stranger's address, or a setting that cannot be used ends with 2 and the remedy."""
    ran = process("serve", *([] if "--port" in arguments else ["--port", "0"]), *arguments)
    assert ran.code == 2
    assert said in ran.error


def test_a_port_that_is_taken_is_said(process: Run) -> None:
    """The line names the port and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = process("serve", "--offline", "--port", port)
    assert ran.code == 2
    assert f"port {port}" in ran.error


def test_a_server_at_another_address_is_asked_without_a_key(
    openai: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPENAI_BASE_URL and prices are all that it takes to serve the models there."""
    monkeypatch.delenv("OPENAI_API_KEY")
    with served() as url:
        answer = httpx.post(f"{url}/v1/chat/completions", json=ASKED).json()
    assert answer["choices"][0]["message"]["content"] == "4"
    assert len(openai.bodies) == 1
