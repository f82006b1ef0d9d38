"""The programs of LLM Conductor's README, unchanged but for the import and the keys."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from conduit.simple.house import House

from ...providers.loopback import Answer, Received, Stream
from ...simple.conftest import Models, Place, said
from ...simple.named.conftest import FACE
from ...simple.providers.houses import own_house

RUN = """
from conduit import get_provider

# Get a provider instance
provider = get_provider("openai", model_name="gpt-4")

# Run single prompt
response = provider.run("Explain decorators")

# Async execution (LiteLLM providers)
content, usage, gen_id = await provider.async_run("Explain decorators")
"""

STREAMING = """
from conduit import get_provider

provider = get_provider("openai", model_name="gpt-4")
prompt = "Explain decorators"

# Stream to stdout
content, usage, gen_id = await provider.async_run(prompt, stream_to_stdout=True)
"""

CONTINUATION = """
from conduit import get_provider

long_prompt = "Explain decorators at length"

# Automatically continues truncated responses
provider = get_provider("openai", model_name="gpt-4")
content, usage, gen_id = await provider.async_run(long_prompt)
"""

PARTS = ("Decorators wrap ", "functions, ", "and return them.")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[House]:
    """A house of this test's own."""
    with own_house(monkeypatch, tmp_path, of=FACE) as house:
        yield house


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch, home: House) -> Iterator[Models]:
    """OpenAI's place on loopback, where prices are as at OpenAI's; it cuts every answer twice."""
    models = Models()
    models.background.run(models.server.__aenter__())
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0001")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{models.server.url}/v1")
    prices = {"openai/gpt-4": {"input": 30.0, "output": 60.0}}
    monkeypatch.setenv("CONDUIT_PRICING_JSON", json.dumps(prices))
    models.answer(in_parts)
    yield models
    models.background.run(models.server.__aexit__(None, None, None))
    models.background.close()


def in_parts(received: Received) -> Answer | Stream:
    """The part of the answer that comes next; all but the last are cut by their length."""
    last = received.body["messages"][-1]
    told = last["content"] if last["role"] == "assistant" else ""
    part = next(it for at, it in enumerate(PARTS) if "".join(PARTS[:at]) == told)
    finish = "stop" if part is PARTS[-1] else "length"
    body = said(part)
    body["choices"][0]["finish_reason"] = finish
    if not received.body.get("stream"):
        return Answer(body=body)
    ended = {"index": 0, "delta": {}, "finish_reason": finish}
    chunks = [*({"choices": [_delta(word)]} for word in part.split(" ")[:-1]), {"choices": [ended]}]
    if part is PARTS[-1]:
        chunks.insert(-1, {"choices": [{"index": 0, "delta": {"content": part.split(" ")[-1]}}]})
    chunks.append({"choices": [], "usage": body["usage"]})
    events = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    return Stream(pieces=[*events, b"data: [DONE]\n\n"])


def _delta(word: str) -> dict[str, Any]:
    return {"index": 0, "delta": {"content": f"{word} "}}


async def run(program: str) -> dict[str, Any]:
    """The names that a program leaves behind, which awaits as a cell of a notebook does."""
    names: dict[str, Any] = {}
    code = compile(program, "readme", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if inspect.iscoroutine(waiting := eval(code, names)):
        await waiting
    return names


@pytest.mark.parametrize("program", [RUN, STREAMING, CONTINUATION])
async def test_a_program_runs_as_printed(program: str, openai: Models) -> None:
    """It ends with the whole answer, the tokens of all its parts, and an id."""
    names = await run(program)
    assert names["content"] == "".join(PARTS)
    assert names.get("response", names["content"]) == names["content"]
    assert names["usage"] == {"prompt_tokens": 33, "completion_tokens": 21, "total_tokens": 54}
    assert names["gen_id"]


async def test_a_stream_is_on_standard_output(
    openai: Models, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what continues it, word by word, as one line."""
    await run(STREAMING)
    assert capsys.readouterr().out == "".join(PARTS) + "\n"


async def test_the_parts_of_an_answer(openai: Models, home: House, tmp_path: Path) -> None:
    """A continuation is told what was said, all are asked of one model, and all are paid."""
    await run(CONTINUATION)
    bodies = [received.body for received in openai.server.requests]
    assert [body["model"] for body in bodies] == ["gpt-4"] * 3
    assert bodies[-1]["messages"] == [
        {"role": "user", "content": "Explain decorators at length"},
        {"role": "assistant", "content": PARTS[0] + PARTS[1]},
    ]
    await asyncio.to_thread(home.close)
    nanodollars = 3 * (11 * 30 + 7 * 60) * 1000
    rows = Place(tmp_path).rows("select sum(cost) from costs", offline=False)
    assert rows == [(nanodollars,)]


def test_thirty_two_programs_at_once(openai: Models) -> None:
    """Each of them in a loop of its own, beside the others."""
    with ThreadPoolExecutor(32) as pool:
        left = list(pool.map(lambda _: asyncio.run(run(RUN)), range(32)))
    assert {names["response"] for names in left} == {"".join(PARTS)}
    assert len({names["gen_id"] for names in left}) == 32


@pytest.mark.parametrize("program", [RUN, STREAMING, CONTINUATION])
async def test_a_program_runs_offline(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key or a network, where CONDUIT_OFFLINE is set."""
    monkeypatch.setenv("CONDUIT_OFFLINE", "1")
    names = await run(program)
    assert names["content"].startswith("openai/gpt-4 answers offline: Explain decorators")
