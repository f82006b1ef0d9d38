"""The official openai client, sync and async, against a real server: nothing but base_url changes."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import openai
import pytest

from conduit.api.chat_answer import overhead_ms
from conduit.core.clocks import ManualClock
from conduit.core.errors import FailureKind
from conduit.core.outcomes import ModelReply, ModelRequest
from conduit.engines.offline import offline_client
from conduit.providers.chat_payload import chat_payload
from conduit.providers.endpoints import Endpoint
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings

from ..engines.builders import CHEAP, router_of
from .serving import ASKED, CHAT, Served, app_of, serving

ENDPOINT = Endpoint(provider="openai", base_url="https://api.openai.com/v1", api_key="")
MESSAGES = ASKED["messages"]
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "add", "arguments": '{"a": 2, "b": 2}'},
}
TOOL = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {}}},
}


def client_of(served: Served) -> openai.AsyncOpenAI:
    """OpenAI's own client, which asks once."""
    return openai.AsyncOpenAI(base_url=served.url, api_key="none", max_retries=0)


def calls_a_tool(request: ModelRequest) -> str | ModelReply:
    """A model that wants two and two added, and then says the sum."""
    assert request.chat is not None
    if request.chat.messages[-1]["role"] == "tool":
        return f"The sum is {request.chat.messages[-1]['content']}."
    return ModelReply(
        text="", input_tokens=3, output_tokens=5, finish_reason="tool_calls", tool_calls=(CALL,)
    )


async def test_the_model_is_decided_and_named() -> None:
    """With auto the response's model is the routed one, and its id joins with the decision's."""
    async with serving(app_of()) as served, client_of(served) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="auto", messages=MESSAGES
        )
        answer, told = raw.parse(), raw.headers
    assert answer.choices[0].message.content == "4"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model in {"cheap", "dear"}
    assert answer.model == told["x-conduit-model"]
    assert answer.id == f"chatcmpl-{told['x-conduit-decision-id']}"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 1


async def test_headers_say_what_it_did_cost() -> None:
    """Cost, saving, provider, propensity, attempts, cache and overhead stand beside the answer."""
    async with serving(app_of()) as served:
        told = (await served.ask(model="cheap")).headers
    prompt, answer = 4, 1  # tokens: one per four characters, the role among them
    cost, base = (0.1 * prompt + 0.4 * answer) / 1e6, (3 * prompt + 15 * answer) / 1e6
    assert float(told["x-conduit-cost"]) == pytest.approx(cost, abs=1e-9)
    assert float(told["x-conduit-saved"]) == pytest.approx(base - cost, abs=1e-9)
    assert told["x-conduit-provider"] == "local"
    assert told["x-conduit-propensity"] == "1"
    assert told["x-conduit-attempts"] == "1"
    assert told["x-conduit-cache"] == "miss"
    assert 0 <= float(told["x-conduit-overhead-ms"]) < 10_000


async def test_time_of_models_that_failed_is_no_overhead() -> None:
    """Overhead is what no model took: neither the one that answered, nor those that failed before."""
    clock = ManualClock()

    class Slow(ScriptedProvider):
        async def complete(self, request: ModelRequest) -> ModelReply:
            clock.advance(3.0)
            return await super().complete(request)

    client = Slow("4", latency=2.0, failures={"cheap": [FailureKind.SERVER]})
    options = Settings(num_retries=1, app_retries=0)
    async with router_of(CHEAP, client=client, clock=clock, settings=options) as router:
        response = await router.complete("What is 2+2?")
    assert (response.attempts, response.latency, response.lost) == (2, 2.0, 3.0)
    started = time.perf_counter() - 4.0
    assert overhead_ms(response, started=started) == 0.0
    assert overhead_ms(replace(response, lost=0.0), started=started) >= 2000.0


@pytest.mark.parametrize("model", ["cheap", "dear"])
async def test_a_named_model_is_taken(model: str) -> None:
    """The id of a model bypasses the choice."""
    async with serving(app_of()) as served, client_of(served) as client:
        answer = await client.chat.completions.create(model=model, messages=MESSAGES)
    assert answer.model == model


def test_the_synchronous_client_works_too() -> None:
    """The other official client gets the same answers, whole and piece by piece."""

    def ask(served: Served) -> tuple[str | None, str]:
        with openai.OpenAI(base_url=served.url, api_key="none") as client:
            whole = client.chat.completions.create(model="auto", messages=MESSAGES)
            stream = client.chat.completions.create(model="auto", messages=MESSAGES, stream=True)
            pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
        return whole.choices[0].message.content, "".join(pieces)

    async def run() -> tuple[str | None, str]:
        async with serving(app_of()) as served:
            return await asyncio.to_thread(ask, served)

    assert asyncio.run(run()) == ("4", "4")


async def test_a_tool_is_called_and_answered() -> None:
    """Tools reach the model, its calls the caller, and the results the model again."""
    scripted = ScriptedProvider(calls_a_tool)
    async with serving(app_of(scripted)) as served, client_of(served) as client:
        first = await client.chat.completions.create(
            model="auto", messages=MESSAGES, tools=[TOOL], tool_choice="auto"
        )
        said = first.choices[0].message
        assert said.tool_calls is not None
        (call,) = said.tool_calls
        result = {"role": "tool", "tool_call_id": call.id, "content": "4"}
        second = await client.chat.completions.create(
            model="auto", messages=[*MESSAGES, said, result], tools=[TOOL]
        )
    assert first.choices[0].finish_reason == "tool_calls"
    assert said.content is None
    assert call.to_dict() == CALL
    assert second.choices[0].message.content == "The sum is 4."
    assert scripted.requests[0].chat.options == {"tools": [TOOL], "tool_choice": "auto"}


async def test_json_mode_is_handed_on() -> None:
    """A model that is asked for JSON gives JSON."""
    app = app_of(offline_client())
    async with serving(app) as served, client_of(served) as client:
        answer = await client.chat.completions.create(
            model="auto", messages=MESSAGES, response_format={"type": "json_object"}
        )
    assert "What is 2+2?" in json.loads(answer.choices[0].message.content or "")["answer"]


async def test_options_and_unknown_fields_are_handed_on() -> None:
    """What the protocol has, and what it will have, reaches the model; the router's own does not."""
    scripted = ScriptedProvider("4")
    conversation = [
        {"role": "system", "content": "Be brief."},
        *MESSAGES,
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": "And 3+3?"},
    ]
    async with serving(app_of(scripted)) as served, client_of(served) as client:
        await client.chat.completions.create(
            model="auto:cost",
            messages=conversation,
            stop=["END"],
            seed=7,
            temperature=0.5,
            max_completion_tokens=9,
            user="anna",
            n=1,
            extra_body={"thinking": {"budget": 5}, "conduit": {"max_cost": 1}},
        )
    (request,) = scripted.requests
    assert request.chat.messages == tuple(conversation)
    assert request.max_tokens == 9
    assert request.chat.options == {
        "stop": ["END"], "seed": 7, "temperature": 0.5, "thinking": {"budget": 5}
    }  # fmt: skip


async def test_the_temperature_of_the_settings_stands_in() -> None:
    """A request that gives none is asked at it; one that gives another, 0 included, keeps its own."""
    scripted = ScriptedProvider("4")
    app = app_of(scripted, settings=Settings(num_retries=0, temperature=0.1))
    async with serving(app) as served:
        for fields in ({}, {"temperature": None}, {"temperature": 0}):
            assert (await served.ask(**fields)).status_code == 200
        await served.http.post("/v1/complete", json={"prompt": "hi"})
    sent = [chat_payload(request, ENDPOINT, stream=False) for request in scripted.requests]
    assert [body["temperature"] for body in sent] == [0.1, 0.1, 0, 0.1]


@pytest.mark.parametrize("where", ["body", "headers"])
async def test_limits_come_in_the_body_or_in_headers(where: str) -> None:
    """The same limit says the same in either place: no model fits, and the cheapest is named."""
    options = (
        {"extra_body": {"conduit": {"max_cost": 0, "models": ["dear"]}}}
        if where == "body"
        else {"extra_headers": {"x-conduit-max-cost": "0", "x-conduit-models": "dear"}}
    )
    async with serving(app_of()) as served, client_of(served) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="auto", messages=MESSAGES, **options)
    assert caught.value.code == "no_affordable_model"
    assert caught.value.param == "max_cost"
    assert "'dear'" in caught.value.message


async def test_errors_are_openai_s() -> None:
    """The official client raises its own exceptions, with status, code and parameter."""
    async with serving(app_of()) as served, client_of(served) as client:
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.chat.completions.create(model="gpt-99", messages=MESSAGES)
        with pytest.raises(openai.BadRequestError) as empty:
            await client.chat.completions.create(model="auto", messages=[])
        with pytest.raises(openai.BadRequestError) as several:
            await client.chat.completions.create(model="auto", messages=MESSAGES, n=2)
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    assert "choose one of: cheap, dear" in unknown.value.message
    assert empty.value.param == "messages"
    assert several.value.param == "n"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FailureKind.RATE_LIMIT, 429, "upstream_rate_limit"),
        (FailureKind.TIMEOUT, 504, "upstream_timeout"),
        (FailureKind.SERVER, 502, "upstream_server"),
        (FailureKind.AUTHENTICATION, 502, "upstream_authentication"),
        (FailureKind.BAD_REQUEST, 400, "upstream_bad_request"),
        (FailureKind.CONTENT_FILTER, 400, "upstream_content_filter"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_provider_says_is_told(
    kind: FailureKind, status: int, code: str, stream: bool
) -> None:
    """A failure that all models share has its own status, also before a stream has begun."""
    failures = {name: iter([kind] * 20) for name in ("cheap", "dear")}
    async with serving(app_of(ScriptedProvider(failures=failures))) as served:
        answer = await served.ask(model="auto", stream=stream)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code


async def test_the_models_are_listed() -> None:
    """The official client lists the models, with Conduit's fields, and finds each of them."""
    async with serving(app_of()) as served, client_of(served) as client:
        listed = [model async for model in client.models.list()]
        one = await client.models.retrieve("cheap")
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("gpt-99")
    assert {"cheap", "dear", "auto", "auto:cost", "auto:quality", "auto:speed"} <= {
        model.id for model in listed
    }
    assert one.owned_by == "local"
    assert one.model_extra["conduit"]["price"] == {"input": 0.1, "output": 0.4}


@pytest.mark.parametrize("where", ["body", "headers"])
async def test_an_equal_request_may_be_answered_from_memory(where: str) -> None:
    """Where it is asked for, the second answer is a hit, costs nothing and calls nobody."""
    scripted = ScriptedProvider("4")
    app = app_of(scripted, settings=Settings(response_cache_seconds=60))
    asked = ASKED | {"model": "cheap"} | ({"conduit": {"cache": True}} if where == "body" else {})
    said = {"x-conduit-cache": "true"} if where == "headers" else {}
    async with serving(app) as served:
        first, again = [await served.http.post(CHAT, json=asked, headers=said) for _ in range(2)]
        streamed = await served.http.post(CHAT, json=asked | {"stream": True}, headers=said)
    assert first.headers["x-conduit-cache"] == "miss"
    assert (again.headers["x-conduit-cache"], again.headers["x-conduit-cost"]) == ("hit", "0")
    assert again.json()["choices"] == first.json()["choices"]
    assert '"cache":"hit"' in streamed.text
    assert len(scripted.requests) == 1


async def test_a_cut_answer_is_told_and_not_continued() -> None:
    """Whatever the settings say of continuing: this protocol's callers expect finish_reason length."""
    scripted = ScriptedProvider("a long answer that is cut")
    app = app_of(scripted, settings=Settings(continue_cut_answers=True))
    async with serving(app) as served:
        answer = (await served.ask(max_tokens=2)).json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["choices"][0]["message"]["content"] == "a long a"
    assert len(scripted.requests) == 1


async def test_a_conversation_beyond_the_limit_is_refused() -> None:
    """The limit on tokens counts the whole conversation, and says so as OpenAI does."""
    app = app_of(settings=Settings(max_prompt_tokens=100))
    async with serving(app) as served:
        fits = await served.ask(messages=[{"role": "user", "content": "x" * 396}])
        long = await served.ask(messages=[{"role": "user", "content": "x" * 400}])
    assert fits.status_code == 200
    assert (long.status_code, long.json()["error"]["code"]) == (400, "context_length_exceeded")
