"""What OpenAI's protocol has beside text and tool calls reaches the official client as it came."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from conduit.providers.openai_chat import OpenAIChatClient
from conduit.settings import Settings

from ..providers.loopback import Answer, LoopbackServer, Received, Stream
from .serving import ASKED, CHAT, Served, app_of, serving

LOGPROBS = {"content": [{"token": "4", "bytes": [52], "logprob": -0.1, "top_logprobs": []}]}
CALL = {"name": "add", "arguments": '{"a": 2, "b": 2}'}
AUDIO = {"id": "audio_1", "data": "UklGRg==", "transcript": "four", "expires_at": 1_900_000_000}
CITED = {
    "type": "url_citation",
    "url_citation": {"url": "https://sums.example", "title": "s", "start_index": 0, "end_index": 1},
}
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 3,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
BODY = {"system_fingerprint": "fp_1", "service_tier": "default", "usage": USAGE}


def whole(*, finish: str = "stop", choice: dict[str, Any] | None = None, **message: Any) -> Answer:
    """An answer in one body."""
    said = {"role": "assistant", "content": None, "refusal": None} | message
    one = {"index": 0, "message": said, "finish_reason": finish, "logprobs": None} | (choice or {})
    return Answer(body={"id": "x", "object": "chat.completion", "choices": [one]} | BODY)


def pieces(*deltas: dict[str, Any], finish: str = "stop", **choice: Any) -> Stream:
    """The same in pieces; the fields of the choice come with the first."""
    frame = {"id": "x", "object": "chat.completion.chunk", "system_fingerprint": "fp_1"}
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices[0] |= choice
    choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    told = [frame | {"choices": [one]} for one in choices]
    told.append(frame | {"choices": [], "usage": USAGE})
    return Stream(
        pieces=[f"data: {json.dumps(one)}\n\n".encode() for one in told] + [b"data: [DONE]\n\n"]
    )


@dataclass(frozen=True, kw_only=True)
class World:
    """A server of models, Conduit before it, and the official client before that."""

    models: LoopbackServer
    served: Served
    client: openai.AsyncOpenAI

    async def ask(self, answer: Answer, **options: Any) -> Any:
        """A whole answer."""
        self.models.answer = answer
        return await self.client.chat.completions.create(model="auto", **ASKED, **options)

    async def streamed(self, answer: Stream, **options: Any) -> list[Any]:
        """All pieces of one."""
        self.models.answer = answer
        asked = ASKED | {"stream": True, "stream_options": {"include_usage": True}} | options
        return [it async for it in await self.client.chat.completions.create(model="auto", **asked)]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Models that are asked once each."""
    async with opened() as made:
        yield made


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[World]:
    """The same, with other settings."""
    async with LoopbackServer(Answer()) as models:
        near = OpenAIChatClient(api_keys={}, base_urls={"local": models.url, "other": models.url})
        made = Settings(num_retries=0, app_retries=0, **settings)
        async with (
            serving(app_of(near, settings=made)) as served,
            openai.AsyncOpenAI(base_url=served.url, api_key="none", max_retries=0) as client,
        ):
            yield World(models=models, served=served, client=client)


async def test_logprobs_arrive(world: World) -> None:
    """They are asked for, paid for, and handed on, whole and in pieces."""
    answer = whole(content="4", choice={"logprobs": LOGPROBS})
    told = await world.ask(answer, logprobs=True, top_logprobs=0)
    assert told.choices[0].logprobs.to_dict() == LOGPROBS
    assert world.models.requests[0].body["logprobs"] is True
    told = await world.streamed(pieces({"content": "4"}, logprobs=LOGPROBS), logprobs=True)
    found = [it.choices[0].logprobs for it in told if it.choices and it.choices[0].logprobs]
    assert [one.to_dict() for one in found] == [LOGPROBS]


async def test_a_function_call_of_the_older_kind_is_an_answer(world: World) -> None:
    """It is not empty, nobody else is asked, and it finishes as that kind does."""
    answer = whole(function_call=CALL, finish="function_call")
    choice = (await world.ask(answer, functions=[{"name": "add"}])).choices[0]
    assert choice.message.function_call.to_dict() == CALL
    assert (choice.message.content, choice.finish_reason) == (None, "function_call")
    assert len(world.models.requests) == 1
    begun = {"function_call": {"name": "add", "arguments": ""}}
    rest = [{"function_call": {"arguments": part}} for part in ('{"a": 2, ', '"b": 2}')]
    told = await world.streamed(pieces(begun, *rest, finish="function_call"))
    calls = [it.choices[0].delta.function_call for it in told if it.choices]
    assert "".join(call.arguments for call in calls if call) == CALL["arguments"]
    assert [call.name for call in calls if call and call.name] == ["add"]
    assert told[-2].choices[0].finish_reason == "function_call"
    assert len(world.models.requests) == 2


async def test_sound_is_an_answer(world: World) -> None:
    """Its data and its words arrive, in one piece and in several."""
    told = await world.ask(whole(audio=AUDIO), modalities=["text", "audio"])
    assert told.choices[0].message.audio.to_dict() == AUDIO
    parts = [{"audio": {"id": "audio_1"}}, {"audio": {"data": "Ukl"}}, {"audio": {"data": "GRg=="}}]
    pieced = await world.streamed(pieces(*parts))
    heard = [it.choices[0].delta.to_dict().get("audio", {}) for it in pieced if it.choices]
    assert "".join(part.get("data", "") for part in heard) == AUDIO["data"]
    assert [part["id"] for part in heard if "id" in part] == ["audio_1"]


async def test_annotations_and_a_word_of_refusal_arrive(world: World) -> None:
    """So does whatever a server adds to a message that nobody here has heard of."""
    answer = whole(content="4", annotations=[CITED], refusal="No more.", reasoning="2 and 2")
    message = (await world.ask(answer)).choices[0].message
    assert [one.to_dict() for one in message.annotations] == [CITED]
    assert (message.refusal, message.to_dict()["reasoning"]) == ("No more.", "2 and 2")
    thought = [{"reasoning": "2 and "}, {"reasoning": "2"}, {"content": "4"}]
    told = await world.streamed(pieces(*thought, {"annotations": [CITED]}, {"refusal": "No more."}))
    deltas = [it.choices[0].delta.to_dict() for it in told if it.choices]
    assert "".join(one.get("reasoning", "") for one in deltas) == "2 and 2"
    assert "".join(one.get("content") or "" for one in deltas) == "4"
    assert [one["annotations"] for one in deltas if "annotations" in one] == [[CITED]]
    assert [one["refusal"] for one in deltas if one.get("refusal")] == ["No more."]


async def test_thoughts_alone_are_no_answer(world: World) -> None:
    """Nothing is handed on before an answer has begun, so that another model can still give it."""
    silent = pieces({"reasoning": "hm"})
    spoken = pieces({"content": "4"})
    world.models.answer = lambda _: silent if len(world.models.requests) == 1 else spoken
    asked = await world.client.chat.completions.create(model="auto", stream=True, **ASKED)
    deltas = [it.choices[0].delta.to_dict() async for it in asked]
    assert "".join(one.get("content") or "" for one in deltas) == "4"
    assert not any("reasoning" in one for one in deltas)
    assert len(world.models.requests) == 2


async def test_the_words_of_a_refusal_are_in_the_error(world: World) -> None:
    """Where nobody answers, a caller reads why."""
    with pytest.raises(openai.BadRequestError, match="I will not sum") as caught:
        await world.ask(whole(refusal="I will not sum."))
    assert caught.value.code == "upstream_content_filter"


async def test_details_of_usage_and_of_the_system_arrive(world: World) -> None:
    """The tokens that were read from a cache or thought, and the fingerprint for seeds."""
    told = await world.ask(whole(content="4"))
    assert told.usage.to_dict() == USAGE
    assert (told.system_fingerprint, told.service_tier) == ("fp_1", "default")
    assert told.id.startswith("chatcmpl-")
    pieced = await world.streamed(pieces({"content": "4"}))
    assert pieced[-1].usage.to_dict() == USAGE
    assert {it.system_fingerprint for it in pieced} == {"fp_1"}


async def test_an_equal_request_gets_all_of_it_again() -> None:
    """From memory, whole and in pieces."""
    async with opened(response_cache_seconds=60) as world:
        answer = whole(function_call=CALL, choice={"logprobs": LOGPROBS}, finish="function_call")
        for _ in range(2):
            choice = (await world.ask(answer)).choices[0]
            assert choice.message.function_call.to_dict() == CALL
            assert choice.logprobs.to_dict() == LOGPROBS
        told = await world.streamed(Stream(pieces=[]))
        assert told[0].choices[0].delta.function_call.to_dict() == CALL
        assert told[0].choices[0].logprobs.to_dict() == LOGPROBS
    assert len(world.models.requests) == 1


async def test_a_server_that_does_not_stream_loses_nothing(world: World) -> None:
    """Its answer is handed on in one piece, with all of it."""
    answer = whole(content="4", choice={"logprobs": LOGPROBS}, annotations=[CITED])

    def always(_: Received) -> Answer:
        return answer

    world.models.answer = always
    body = (await world.served.http.post(CHAT, json=ASKED | {"stream": True})).text
    first = json.loads(body.split("\n\n")[0].removeprefix("data: "))
    assert first["choices"][0]["logprobs"] == LOGPROBS
    assert first["choices"][0]["delta"]["annotations"] == [CITED]
