"""Batches as LLM Conductor's README starts them, with the command's and the package's name changed."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.batch.answering import names, write
from tests.cli.conftest import PRICES, ROOT, Run, Served, answered
from tests.providers.loopback import Answer, Received
from tests.telemetry.receivers import http_receiver, said

LISTED = {"openai/gpt-4": {"input": 30.0, "output": 60.0}}


@pytest.fixture(autouse=True)
def folders(machine: Path, openai: Served, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The README's prompts; a server that answers each in its form, at a known price."""
    write(machine / "prompts", task1="one", task2__json="two")
    write(machine / "prompts" / "subfolder", task3="three")
    openai.answers = by_prompt
    monkeypatch.setenv("CONDUIT_PRICING_JSON", json.dumps(PRICES | LISTED))
    return machine


def by_prompt(received: Received) -> Answer:
    """JSON for the prompt that wants it."""
    if received.path.endswith("/models"):
        return Answer(body={"data": [{"id": "local-model"}]})
    return answered('{"n": 2}' if received.body["messages"][-1]["content"] == "two" else "# Yes")


def readme(command: str) -> list[str]:
    """The words of a README's command, after the program's name."""
    program, *words = shlex.split(command.replace("\\\n", ""))
    assert program == "llm-conductor"
    return words


BATCH = """llm-conductor batch \\
  --provider openai \\
  --model gpt-4 \\
  --parallelism 8 \\
  --input-dir prompts/ \\
  --output-dir outputs/
"""
TOP = ["task1.md", "task2.json"]


def test_batch_processing_with_parallelism(conduit: Run, openai: Served, folders: Path) -> None:
    """The quick start's command answers the top level, and a second one asks nobody."""
    assert conduit(*readme(BATCH)).code == 0
    assert names(folders / "outputs") == TOP
    assert {body["model"] for body in openai.bodies} == {"gpt-4"}
    ran = conduit(*readme(BATCH))
    assert (ran.code, len(openai.bodies)) == (0, 2)
    assert ran.out.startswith("0 done, 2 skipped, 0 failed | spent $0.000000")


def test_hashes_are_where_the_readme_says(conduit: Run, folders: Path) -> None:
    """In a JSON object as _prompt_hash, in Markdown as a comment."""
    conduit(*readme(BATCH))
    rules = json.loads((folders / "outputs" / "task2.json").read_text())
    assert re.fullmatch(r"[0-9a-f]{64}", rules["_prompt_hash"])
    note = (folders / "outputs" / "task1.md").read_text()
    assert re.match(r"<!-- Prompt Hash: [0-9a-f]{64} -->\n\n# Yes\n$", note)


@pytest.mark.parametrize(
    ("command", "outputs"),
    [
        ("llm-conductor batch --input-dir prompts/ --output-dir outputs/", TOP),
        ("llm-conductor batch --input-dir prompts/ --output-dir outputs/ --force", TOP),
        (
            "llm-conductor batch --input-dir prompts/ --output-dir outputs/ --recursive",
            ["subfolder/task3.md", *TOP],
        ),
        (
            "llm-conductor batch -r --input-dir prompts/ --output-dir outputs/",
            ["subfolder/task3.md", *TOP],
        ),
        ("llm-conductor batch --provider openai -j 16 --input-dir prompts/ --output-dir outputs/", TOP),
        ("llm-conductor batch --verbose --provider openai", TOP),
    ],
)  # fmt: skip
def test_every_other_command(
    conduit: Run,
    openai: Served,
    folders: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    outputs: list[str],
) -> None:
    """Each works with provider and model from the environment, and writes what the README draws."""
    monkeypatch.setenv("MODEL_PROVIDER", "openai")
    monkeypatch.setenv("MODEL_NAME", "gpt-4")
    assert conduit(*readme(command)).code == 0
    assert names(folders / "outputs") == outputs
    assert {body["model"] for body in openai.bodies} == {"gpt-4"}
    conduit(*readme(command))
    asked_twice = "--force" in command
    assert len(openai.bodies) == len(outputs) * (1 + asked_twice)


def test_lm_studio_one_at_a_time(
    conduit: Run, openai: Served, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A local server is asked for what it has loaded, without a key."""
    monkeypatch.setenv("CONDUIT_LMSTUDIO_BASE_URL", openai.server.url + "/v1")
    ran = conduit(*readme("llm-conductor batch --provider lmstudio --parallelism 1"))
    assert ran.code == 0
    assert names(folders / "outputs") == TOP


def test_errors_are_found_in_the_log(
    conduit: Run, openai: Served, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """grep ERROR finds what failed; LITELLM_DEBUG=1 adds every call; neither tells words or keys."""
    monkeypatch.setenv("LITELLM_DEBUG", "1")
    openai.answers = lambda _: answered("no json, key-that-nobody-may-see")
    ran = conduit(*readme("llm-conductor batch --verbose --provider openai --model gpt-4"))
    assert ran.code == 1
    lines = (folders / ".local/logs/conduit.log").read_text().splitlines()
    (failed,) = [line for line in lines if "ERROR" in line]
    assert "failed prompt=task2.json.prompt.md" in failed
    assert failed.endswith("reason=UnusableAnswerError")
    assert len([line for line in lines if " attempt " in line]) == 2
    assert not re.search("no json|nobody-may-see", "\n".join(lines))


def test_otel_tracing(conduit: Run, folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call has a span with the names that the README lists."""
    with http_receiver() as received:
        monkeypatch.setenv("LITELLM_OTEL_ENABLED", "true")
        monkeypatch.setenv("TRACELOOP_BASE_URL", received.url)
        assert conduit(*readme(BATCH)).code == 0
    queries = [said(span) for span in received.spans if span.parent_span_id == b""]
    assert len(queries) == 2
    for span in queries:
        assert span["gen_ai.system"] == "openai"
        assert span["gen_ai.usage.input_tokens"] == 11
        assert span["gen_ai.usage.output_tokens"] == 7
        assert span["gen_ai.response.finish_reasons"] == ["stop"]
    attempts = [said(span) for span in received.spans if span.parent_span_id]
    assert {span["gen_ai.request.model"] for span in attempts} == {"gpt-4"}


SNIPPET = """
from llm_conductor import get_provider, run_single_mode, run_batch_mode

# Get a provider instance
provider = get_provider("openai", model_name="gpt-4")

# Batch processing
from pathlib import Path
exit_code = run_batch_mode(
    provider=provider,
    parallelism=8,
    verbose=True,
    force=False,
    input_dir=Path("prompts"),
    output_dir=Path("outputs"),
    recursive=False  # Set to True to scan subdirectories
)
""".replace("llm_conductor", "conduit")


@pytest.mark.parametrize("where", ["script", "cell"])
def test_the_python_api(openai: Served, folders: Path, where: str) -> None:
    """The snippet answers the folder in a script, and where an event loop runs."""
    program = f"{SNIPPET}\nassert exit_code == 0"
    if where == "cell":
        cell = "\n".join(f"    {line}" for line in program.splitlines())
        program = f"import asyncio\nasync def cell():\n{cell}\nasyncio.run(cell())"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""
    assert "done    task1.prompt.md -> task1.md | openai/gpt-4 | $" in ran.stderr
    assert names(folders / "outputs") == TOP
    assert len(openai.bodies) == 2
