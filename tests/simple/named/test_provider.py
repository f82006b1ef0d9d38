"""One model of one provider, called as it is."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from conduit import get_provider
from conduit.core.errors import AllModelsFailedError, InvalidInputError
from conduit.simple.answer import Answer
from conduit.simple.house import House
from conduit.simple.named.names import known
from conduit.simple.named.plans import Wish

from ...providers.fake_tools import calls
from ...providers.loopback import Answer as Said
from ...providers.loopback import Received
from ..conftest import Models, Place, said


def cut(text: str) -> dict[str, Any]:
    """A part of an answer, which its length has cut."""
    body = said(text, made=5)
    body["choices"][0]["finish_reason"] = "length"
    return body


def test_an_answer(models: Models) -> None:
    """The named model is asked, and says what it says."""
    assert get_provider("openai", "gpt-4o").run("2+2?") == "Four."
    assert models.models == ["gpt-4o"]


async def test_a_call_is_on_the_ledger_and_can_be_rated(
    models: Models, place: Place, home: House
) -> None:
    """The id that comes with an answer is that of its decision, and its cost is on record."""
    answer = await get_provider("openai", "gpt-4o").aanswer("2+2?")
    assert isinstance(answer, Answer)
    assert answer.cost == pytest.approx((11 * 2.5 + 7 * 10) / 1e6)
    await answer.arate(5)
    home.close()
    rows = place.rows("select cost, input_tokens, output_tokens from costs", offline=False)
    assert rows == [(round(answer.cost * 1e9), 11, 7)]
    rated = "select decision_id from observations where signal = 'rating'"
    assert place.rows(rated, offline=False) == [(answer.decision_id,)]


async def test_an_answer_that_is_remembered_is_not_a_fresh_one(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who wants a fresh one has the model asked again."""
    monkeypatch.setenv("CONDUIT_RESPONSE_CACHE_SECONDS", "60")
    provider = get_provider("openai", "gpt-4o")
    for fresh, asked in ((False, 1), (False, 1), (True, 2)):
        await provider.aanswer("2+2?", fresh=fresh)
        assert len(models.models) == asked


def test_settings_are_sent(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temperature and longest answer are those of the environment, for every call."""
    monkeypatch.setenv("OPENAI_TEMPERATURE", "0.1")
    monkeypatch.setenv("OPENAI_MAX_TOKENS", "64")
    provider = get_provider("openai", "gpt-4o")
    provider.run("2+2?")
    (received,) = models.server.requests
    assert (received.body["temperature"], received.body["max_tokens"]) == (0.1, 64)
    assert provider.identity == "openai/gpt-4o temperature=0.1 max_tokens=64"


def test_an_answer_that_was_cut_goes_on(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times at most, each call as long as the settings allow one to be."""
    monkeypatch.setenv("OPENAI_MAX_TOKENS", "5")
    parts = iter(["One ", "two ", "three ", "four ", "five"])
    models.answer(lambda _: Said(body=cut(next(parts))))
    assert get_provider("openai", "gpt-4o").run("Count.") == "One two three four "
    assert [it.body["max_tokens"] for it in models.server.requests] == [5, 5, 5, 5]


def test_a_failed_call_is_repeated(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as LITELLM_NUM_RETRIES says."""
    monkeypatch.delenv("CONDUIT_NUM_RETRIES")
    monkeypatch.setenv("LITELLM_NUM_RETRIES", "1")
    answers = iter([Said(status=503, headers={"Retry-After": "0"}), Said(body=said())])
    models.answer(lambda _: next(answers))
    assert get_provider("openai", "gpt-4o").run("2+2?") == "Four."
    models.answer(Said(status=400, body={"error": {"message": "No."}}))
    with pytest.raises(AllModelsFailedError, match=r"No\."):
        get_provider("openai", "gpt-4o").run("2+2?")


def test_thirty_two_threads(models: Models) -> None:
    """Each gets the answer to its own prompt."""

    def echo(received: Received) -> Said:
        return Said(body=said(received.body["messages"][-1]["content"]))

    models.answer(echo)
    provider = get_provider("openai", "gpt-4o")
    prompts = [f"prompt {at}" for at in range(64)]
    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(provider.run, prompts)) == prompts


async def test_where_a_loop_runs(models: Models) -> None:
    """A plain call works in a cell of a notebook, and awaited ones run side by side."""
    provider = get_provider("openai", "gpt-4o")
    assert provider.run("2+2?") == "Four."
    answers = await asyncio.gather(*(provider.async_run("2+2?") for _ in range(8)))
    assert {content for content, _, _ in answers} == {"Four."}
    assert len({gen_id for _, _, gen_id in answers}) == 8


async def test_usage(models: Models) -> None:
    """Tokens are as the provider counts them."""
    _, usage, _ = await get_provider("openai", "gpt-4o").async_run("2+2?")
    assert usage == {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def test_reading_may_stop(models: Models) -> None:
    """What was answered until then is paid, and the provider stays of use."""
    provider = get_provider("openai", "gpt-4o", offline=True)
    with closing(provider.pieces("2+2?")) as pieces:
        assert isinstance(next(pieces), str)
    assert "2+2?" in provider.run("2+2?")


@pytest.mark.parametrize("provider", ["openai-codex", "claude-code"])
async def test_a_tool_answers(provider: str, tools: Path, place: Place, home: House) -> None:
    """What it costs is what it reports, else nothing, and its tokens are counted."""
    content, usage, gen_id = await get_provider(provider).async_run("2+2?", stream_to_stdout=True)
    assert (content, usage["total_tokens"]) == ("echo of 2+2?", 107)
    home.close()
    assert place.rows("select id from decisions", offline=False) == [(gen_id,)]
    cost = 12_500_000 if provider == "claude-code" else 0
    assert place.rows("select cost, provider from costs", offline=False) == [(cost, provider)]


def test_a_tool_that_was_cut_goes_on(tools: Path) -> None:
    """As a server does."""
    said = get_provider("claude-code", "sonnet").run("cut")
    assert said == "The first half, and the other."


def test_reasoning(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The effort that is given is asked for, else that of the environment; answers differ by it."""
    monkeypatch.setenv("MODEL_REASONING", "low")
    get_provider("openai-codex").run("2+2?")
    get_provider("openai-codex", reasoning="high").run("2+2?")
    efforts = [it for call in calls(tools) for it in call["arguments"] if "effort" in it]
    assert efforts == [
        '--config=model_reasoning_effort="low"',
        '--config=model_reasoning_effort="high"',
    ]
    named = [get_provider("openai-codex", "gpt-5", reasoning=it).identity for it in ("low", "high")]
    assert named == ["openai-codex/gpt-5 reasoning=low", "openai-codex/gpt-5 reasoning=high"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"name": "openai", "reasoning": "high"}, "takes no reasoning='high'"),
        ({"name": "openai-codex", "reasoning": "extreme"}, "choose one of: low, medium, high"),
        ({"name": "claude-code", "api_key": "k"}, "takes no api_key"),
        ({"name": "openai", "model_name": 4}, "model_name=4 is no text"),
        ({"name": "openai", "api_key": b"sk"}, "api_key is a bytes"),
        ({"name": "openai-codex", "reasoning": 1}, "reasoning=1 is no text"),
    ],
)
def test_what_a_provider_does_not_take(arguments: dict[str, Any], match: str, tools: Path) -> None:
    """It is refused at creation, by name."""
    with pytest.raises(InvalidInputError, match=match):
        get_provider(**arguments)


def test_the_key_is_not_shown() -> None:
    """Neither by the provider nor by what it was asked for."""
    provider = get_provider("openai", "gpt-4o", api_key="sk-nobody-may-see")
    assert "nobody" not in repr(provider) + repr(vars(provider))
    wish = Wish(known=known("openai"), api_key="sk-nobody-may-see")
    assert "nobody" not in repr(wish)
