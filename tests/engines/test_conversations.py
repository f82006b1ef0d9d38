"""Conversations: all that is sent is estimated, asked and priced, not only what was decided on."""

from __future__ import annotations

from typing import Any

import pytest

from conduit.core.chat import ROUTED_CHARACTERS, Chat
from conduit.core.models import Query
from conduit.core.outcomes import Delta, ModelReply
from conduit.engines.billing import tokens_in, tokens_of
from conduit.features.complexity import estimate_tokens
from conduit.providers.scripted import ScriptedProvider
from tests.engines.builders import CHEAP, router_of

TOOLS = [{"type": "function", "function": {"name": "weather", "description": "x" * 400}}]


def _query(*messages: dict[str, Any], **options: Any) -> Query:
    chat = Chat(messages=messages, options=options)
    return Query(chat.routing_text, chat=chat)


SHORT = _query({"role": "user", "content": "hello"})
LONG = _query({"role": "system", "content": "rules " * 2000}, {"role": "user", "content": "hello"})


async def test_the_model_is_sent_the_conversation() -> None:
    """Messages and options go to the client as they came."""
    client = ScriptedProvider("ok")
    async with router_of(client=client) as router:
        await router.complete(LONG)
    assert client.requests[0].chat is LONG.chat


async def test_costs_are_estimated_from_all_that_is_sent() -> None:
    """The same question behind a long system prompt is expected to cost that much more."""
    assert CHEAP.price is not None
    async with router_of() as router:
        short, long = await router.route(SHORT), await router.route(LONG)
        tokens = long.features.token_count - short.features.token_count
        assert tokens == pytest.approx(6 * 2000 / 4, abs=10)
        expected = CHEAP.price.cost(input_tokens=tokens, output_tokens=0)
        difference = long.estimates["cheap"].cost - short.estimates["cheap"].cost
        assert difference == pytest.approx(expected, rel=1e-6)
        assert router.cache_statistics.memory.hits == 1
    assert long.features.complexity_score == short.features.complexity_score


async def test_tools_are_sent_and_so_are_counted() -> None:
    """Their descriptions are part of the prompt that is billed."""
    plain = {"role": "user", "content": "hello"}
    async with router_of() as router:
        without = await router.route(_query(plain))
        beside = await router.route(_query(plain, tools=TOOLS))
    assert beside.features.token_count - without.features.token_count > 100


@pytest.mark.parametrize("text", ["日" * 4000, "día de mañana " * 50, "\ud800", "a" * 4001])
def test_a_text_has_as_many_tokens_in_a_conversation_as_alone(text: str) -> None:
    """Scripts outside ASCII take more tokens than characters by four, in prompts, chats and answers alike."""
    chat = Chat(messages=({"role": "", "content": text},))
    assert tokens_of(chat) == estimate_tokens(text) == tokens_in(Delta(text=text))


def test_sound_is_no_text() -> None:
    """What a part carries as base64 counts as little as an image in a data address."""
    heard = {"type": "input_audio", "input_audio": {"data": "QUJD" * 10_000, "format": "wav"}}
    said = {"type": "text", "text": "what is said here?"}
    with_sound = _query({"role": "user", "content": [said, heard]}).chat
    without = _query({"role": "user", "content": [said]}).chat
    assert with_sound is not None
    assert without is not None
    assert tokens_of(with_sound) - tokens_of(without) <= 3


async def test_tokens_that_a_server_did_not_count_are_those_of_the_conversation() -> None:
    """A reply without usage is priced by all that was sent, and by its calls of tools."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "y" * 4000}}
    reply = ModelReply(text="ok", tool_calls=(call,), finish_reason="tool_calls")
    async with router_of(CHEAP, client=ScriptedProvider(lambda _: reply)) as router:
        response = await router.complete(LONG)
    assert CHEAP.price is not None
    assert LONG.chat is not None
    assert response.cost > CHEAP.price.cost(input_tokens=tokens_of(LONG.chat), output_tokens=1000)
    assert response.propensity == 1


def test_pieces_add_up_to_no_less_than_the_whole() -> None:
    """Every piece is a token at least, and fragments of calls count."""
    pieces = [Delta(text="a"), Delta(text="b" * 9)]
    pieces += [Delta(tool_calls=({"index": 0, "function": {"arguments": "c" * 8}},))]
    assert [tokens_in(piece) for piece in pieces] == [1, 3, 2]
    assert tokens_in(Delta()) == 0


async def test_a_long_message_is_judged_by_how_it_begins_as_without_a_conversation() -> None:
    """What is appended to a prompt moves its difficulty by less than .1, wrapped in a chat or not."""
    body = "The council met on Tuesday and the vote was put off once more. " * 76
    prompt = f"Summarize this:\n{body}\nAnalyze the trade-offs and prove why.\n{body[:3962]}"
    assert prompt[-4000:].startswith("Analyze")
    assert len(prompt) > 8800
    chat = _query({"role": "user", "content": prompt})
    async with router_of() as router:
        wrapped, plain = await router.features(chat.text), await router.features(prompt)
        short = await router.features("Summarize this:")
    assert wrapped.difficulty == pytest.approx(plain.difficulty, abs=0.1)
    assert wrapped.difficulty == pytest.approx(short.difficulty, abs=0.1)


@pytest.mark.parametrize("length", [3_999, 4_000, 4_001, 100_000])
def test_the_text_of_a_decision_keeps_both_ends_within_its_limit(length: int) -> None:
    """Nothing is lost of what fits; of what does not, the beginning and the end stay."""
    prompt = "Begin" + "x" * (length - 8) + "end"
    text = Chat(messages=({"role": "user", "content": prompt},)).routing_text
    assert len(text) == min(length, ROUTED_CHARACTERS)
    assert text.startswith("Begin")
    assert text.endswith("end")
    assert text == prompt or length > ROUTED_CHARACTERS
