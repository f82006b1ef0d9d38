"""Conversations, as each provider is sent them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from conduit.core.chat import Chat
from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import ModelRequest
from conduit.core.ports import StreamingClient
from conduit.providers.pydantic_ai import PydanticAIClient

from .conftest import Serve
from .loopback import Answer, LoopbackServer
from .protocols import ALL, ANTHROPIC, GOOGLE, KEY, MODEL, OPENAI, Protocol

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n-a-picture").decode()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    {
        "type": "function",
        "function": {"name": "get_weather", "description": "Tells it.", "parameters": SCHEMA},
    }
]
MESSAGES: tuple[dict[str, Any], ...] = (
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Weather in Oslo?", "name": "ann"},
    {
        "role": "assistant",
        "content": "I will look.",
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "And here?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        ],
    },
)
speaks_openai = pytest.mark.parametrize(
    "protocol", [each for each in ALL if each not in (ANTHROPIC, GOOGLE)], ids=str
)
translated = pytest.mark.parametrize("protocol", [ANTHROPIC, GOOGLE], ids=str)


@pytest.fixture
async def others() -> AsyncIterator[PydanticAIClient]:
    client = PydanticAIClient(api_keys={"anthropic": KEY, "google": KEY, "openai": KEY})
    yield client
    await client.aclose()


def asking(
    protocol: Protocol, server: LoopbackServer, *messages: dict[str, Any], **options: Any
) -> ModelRequest:
    said = messages or ({"role": "user", "content": "Hello."},)
    chat = Chat(messages=said, options=options)
    return ModelRequest(arm=protocol.arm(server.url), text="routed on", chat=chat, max_tokens=50)


async def sent(
    client: StreamingClient, protocol: Protocol, serve: Serve, *messages: Any, **options: Any
) -> Any:
    """The body that a conversation becomes."""
    server = await serve(Answer(body=protocol.answer("Four.")))
    await client.complete(asking(protocol, server, *messages, **options))
    return server.requests[0].body


async def refusal(
    client: StreamingClient, protocol: Protocol, *messages: Any, **options: Any
) -> str:
    """Why a conversation cannot be sent; nobody listens, so that nothing can be."""
    nowhere = LoopbackServer(Answer())
    nowhere.url = "http://127.0.0.1:9"
    with pytest.raises(ProviderError) as caught:
        await client.complete(asking(protocol, nowhere, *messages, **options))
    assert caught.value.kind is FailureKind.BAD_REQUEST, caught.value
    return caught.value.detail


@speaks_openai
async def test_untouched(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """Who speaks OpenAI's protocol is sent the messages and every option as they were given."""
    options = {
        "tools": TOOLS,
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
        "stop": ["END"],
        "seed": 7,
        "top_p": 0.5,
        "parallel_tool_calls": False,
        "user": "ann",
        "an_option_of_tomorrow": {"deep": [1, None]},
    }
    body = await sent(client, protocol, serve, *MESSAGES, **options)
    added = {"stream": False, "n": 1}  # what SDKs say although it goes without saying
    assert {name: value for name, value in body.items() if added.get(name, ...) != value} == {
        "model": MODEL,
        "messages": [*MESSAGES],
        "max_tokens": 50,
        **options,
    }


async def test_anthropic_messages(serve: Serve, others: PydanticAIClient) -> None:
    """Anthropic gets the system prompt apart, tool use and results as blocks, and images inline."""
    body = await sent(others, ANTHROPIC, serve, *MESSAGES, tools=TOOLS, stop="END", top_p=0.5)
    assert body["system"] == "Be brief."
    use = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Oslo"}}
    assert body["messages"][0] == {
        "role": "user",
        "content": [{"type": "text", "text": "Weather in Oslo?"}],
    }
    assert body["messages"][1] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "I will look."}, use],
    }
    result, text, image = body["messages"][2]["content"]
    assert (result["type"], result["tool_use_id"]) == ("tool_result", "call_1")
    assert "Rain." in str(result["content"])
    assert text == {"type": "text", "text": "And here?"}
    assert image["source"] == {"type": "base64", "media_type": "image/png", "data": PIXEL}
    (tool,) = body["tools"]
    assert (tool["name"], tool["description"]) == ("get_weather", "Tells it.")
    assert tool["input_schema"] == SCHEMA
    assert (body["stop_sequences"], body["top_p"], body["max_tokens"]) == (["END"], 0.5, 50)


async def test_google_messages(serve: Serve, others: PydanticAIClient) -> None:
    """Google gets the system instruction apart, function calls and responses, and images inline."""
    body = await sent(
        others, GOOGLE, serve, *MESSAGES, tools=TOOLS, stop=["END"], seed=7, top_p=0.5
    )
    assert body["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    asked, answered, *rest = body["contents"]
    assert (asked["role"], asked["parts"]) == ("user", [{"text": "Weather in Oslo?"}])
    assert answered["role"] == "model"
    assert answered["parts"][0] == {"text": "I will look."}
    call = answered["parts"][1]["functionCall"]
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Oslo"})
    parts = [part for content in rest for part in content["parts"]]
    response = parts[0]["functionResponse"]
    assert response["name"] == "get_weather"
    assert "Rain." in str(response["response"])
    assert parts[1] == {"text": "And here?"}
    assert {*parts[2]["inlineData"].values()} == {"image/png", PIXEL}
    (declared,) = body["tools"][0]["functionDeclarations"]
    assert (declared["name"], declared["description"]) == ("get_weather", "Tells it.")
    config = body["generationConfig"]
    assert (config["stopSequences"], config["seed"], config["topP"]) == (["END"], 7, 0.5)
    assert config["maxOutputTokens"] == 50


@translated
async def test_tool_choice(protocol: Protocol, serve: Serve, others: PydanticAIClient) -> None:
    """Each choice of tools has its counterpart."""
    named = {"type": "function", "function": {"name": "get_weather"}}
    said = []
    for choice in ("auto", "required", named):
        body = await sent(others, protocol, serve, tools=TOOLS, tool_choice=choice)
        said.append(
            body["tool_choice"]["type"]
            if protocol is ANTHROPIC
            else body["toolConfig"]["functionCallingConfig"]["mode"]
        )
    free, forced = {
        "anthropic": ({"auto"}, {"any", "tool"}),
        "google": ({"AUTO", "VALIDATED"}, {"ANY"}),
    }[protocol.name]
    assert said[0] in free
    assert set(said[1:]) <= forced


async def test_json_mode_of_google(serve: Serve, others: PydanticAIClient) -> None:
    """JSON mode is Google's MIME type, and nothing is added to what the caller said."""
    body = await sent(others, GOOGLE, serve, response_format={"type": "json_object"})
    assert body["generationConfig"]["responseMimeType"] == "application/json"
    assert "systemInstruction" not in body


@pytest.mark.parametrize(
    "options",
    [
        {"user": "ann", "metadata": {"a": "b"}, "store": True, "prompt_cache_key": "k"},
        {"n": 1, "logprobs": False, "parallel_tool_calls": True, "service_tier": "auto"},
        {"seed": None, "stop": None, "response_format": None, "tools": None, "tool_choice": None},
        {"response_format": {"type": "text"}},
    ],
    ids=["harmless", "defaults", "nulls", "text"],
)
@translated
async def test_options_that_change_nothing(
    protocol: Protocol, serve: Serve, others: PydanticAIClient, options: dict[str, Any]
) -> None:
    """What no answer depends on, and what everybody does anyway, stops no call."""
    assert await sent(others, protocol, serve, **options)


@pytest.mark.parametrize(
    ("protocol", "option", "value"),
    [
        (ANTHROPIC, "seed", 7),
        (ANTHROPIC, "presence_penalty", 0.5),
        (ANTHROPIC, "frequency_penalty", 0.5),
        (ANTHROPIC, "response_format", {"type": "json_object"}),
        (GOOGLE, "parallel_tool_calls", False),
        (ANTHROPIC, "n", 2),
        (GOOGLE, "n", 2),
        (GOOGLE, "logit_bias", {"50256": -100}),
        (GOOGLE, "logprobs", True),
        (GOOGLE, "response_format", {"type": "json_schema"}),
        (GOOGLE, "response_format", "json"),
        (GOOGLE, "tool_choice", "sometimes"),
        (GOOGLE, "tool_choice", {"type": "allowed_tools"}),
        (ANTHROPIC, "an_option_of_tomorrow", 1),
    ],
)
async def test_options_without_a_counterpart(
    others: PydanticAIClient, protocol: Protocol, option: str, value: object
) -> None:
    """An option that the provider cannot honour is refused by name, never dropped."""
    assert option in await refusal(others, protocol, **{option: value})


async def test_schema_that_the_model_cannot_keep(others: PydanticAIClient) -> None:
    """A schema is refused where the model is not known to keep to one."""
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    assert await refusal(others, ANTHROPIC, response_format=form)


CALLING = {"id": "call_1", "type": "function"}


@pytest.mark.parametrize(
    ("messages", "named"),
    [
        ([{"role": "judge", "content": "?"}], "judge"),
        ([{"content": "?"}], "None"),
        ([{"role": "user", "content": 3}], "int"),
        ([{"role": "user", "content": ["text"]}], "str"),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], "input_audio"),
        ([{"role": "user", "content": [{"type": "text"}]}], "text"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}], "image_url"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}],
            "data:x",
        ),
        ([{"role": "tool", "tool_call_id": "call_9", "content": "Rain."}], "call_9"),
        ([{"role": "system", "content": ["text"]}], "str"),
        ([{"role": "system", "content": [{"type": "image_url"}]}], "image_url"),
        ([{"role": "developer", "content": {"type": "text", "text": "Be brief."}}], "dict"),
        ([{"role": "assistant", "content": [{"type": "audio", "id": "a"}]}], "audio"),
        (
            [
                MESSAGES[2],
                {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "image_url"}]},
            ],
            "image_url",
        ),
        ([{"role": "system", "content": MESSAGES[4]["content"]}], "image_url"),
        ([{"role": "assistant", "tool_calls": [CALLING]}], "call_1"),
        ([{"role": "assistant", "tool_calls": ["call_1"]}], "call_1"),
        (
            [
                {
                    "role": "assistant",
                    "tool_calls": [{**CALLING, "function": {"name": "f", "arguments": "[]"}}],
                }
            ],
            "'f'",
        ),
        (
            [
                {
                    "role": "assistant",
                    "tool_calls": [{**CALLING, "function": {"name": "f", "arguments": "{"}}],
                }
            ],
            "call_1",
        ),
    ],
)
@translated
async def test_messages_without_a_counterpart(
    others: PydanticAIClient, protocol: Protocol, messages: list[Any], named: str
) -> None:
    """A message that cannot be sent is refused with what is wrong with it, never a crash."""
    assert named in await refusal(others, protocol, *messages)


def asking_about(url: str, google: LoopbackServer, **options: Any) -> ModelRequest:
    """A question to Google about the image at an address."""
    image = {"type": "image_url", "image_url": {"url": url}}
    chat = Chat(messages=({"role": "user", "content": [image]},))
    return ModelRequest(arm=GOOGLE.arm(google.url), text="?", chat=chat, **options)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x.png",
        "http://169.254.169.254/x.png",
        "http://no-such-name.invalid/x.png",
        "ftp://example.org/x.png",
        "http://",
        "x.png",
    ],
)
async def test_images_that_cannot_be_had(serve: Serve, others: PydanticAIClient, url: str) -> None:
    """An address that leads to no image is the caller's mistake, and tells nothing of the network."""
    google = await serve(Answer(body=GOOGLE.answer("Four.")))
    with pytest.raises(ProviderError) as caught:
        await others.complete(asking_about(url, google))
    assert caught.value.kind is FailureKind.BAD_REQUEST
    assert caught.value.detail == "an image could not be fetched from its address"
    assert not google.requests


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("error", ["status", "connection"])
async def test_images_that_fail_on_the_way(
    serve: Serve,
    others: PydanticAIClient,
    monkeypatch: pytest.MonkeyPatch,
    error: str,
    streamed: bool,
) -> None:
    """An image that its server refuses, or that breaks off, is a failure with a fallback."""
    asked = httpx2.Request("GET", "http://example.org/x.png")
    failures = {
        "status": httpx2.HTTPStatusError("no", request=asked, response=httpx2.Response(404)),
        "connection": httpx2.ConnectError("no", request=asked),
    }

    async def failing(*_: object, **__: object) -> None:
        raise failures[error]

    monkeypatch.setattr("pydantic_ai._ssrf.safe_download", failing)
    request = asking_about("http://example.org/x.png", await serve(Answer()))
    with pytest.raises(ProviderError) as caught:
        await (anext(others.stream(request)) if streamed else others.complete(request))
    assert caught.value.kind is FailureKind.BAD_REQUEST


async def test_images_that_take_too_long(
    serve: Serve, others: PydanticAIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image that does not come in time is no sign of a slow model."""

    async def lingering(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("pydantic_ai._ssrf.safe_download", lingering)
    google = await serve(Answer())
    with pytest.raises(ProviderError) as caught:
        await others.complete(asking_about("http://example.org/x.png", google, timeout=0.05))
    assert (caught.value.kind, caught.value.sent) == (FailureKind.BAD_REQUEST, False)


async def test_images_are_fetched_for_google(
    serve: Serve, others: PydanticAIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google gets the bytes that lie at an address, with the type that they were given there."""

    async def found(url: str, **_: object) -> httpx2.Response:
        return httpx2.Response(
            200, content=base64.b64decode(PIXEL), headers={"Content-Type": "image/png"}
        )

    monkeypatch.setattr("pydantic_ai._ssrf.safe_download", found)
    google = await serve(Answer(body=GOOGLE.answer("Four.")))
    await others.complete(asking_about("http://example.org/x", google))
    (part,) = google.requests[0].body["contents"][0]["parts"]
    assert {*part["inlineData"].values()} == {"image/png", PIXEL}


@translated
async def test_texts_in_parts(protocol: Protocol, serve: Serve, others: PydanticAIClient) -> None:
    """Text in parts is text, whoever says it."""
    parts = [{"type": "text", "text": "one-part"}, {"type": "text", "text": "another-part"}]
    called = {**MESSAGES[2], "content": parts}
    result = {"role": "tool", "tool_call_id": "call_1", "content": parts}
    asked = [{"role": "system", "content": parts}, MESSAGES[1], called, result]
    body = str(await sent(others, protocol, serve, *asked))
    assert body.count("one-part") == body.count("another-part") == 3


@translated
@pytest.mark.parametrize("tool", [{"type": "custom"}, "get_weather", {"function": {"name": 3}}])
async def test_tools_that_are_no_functions(
    others: PydanticAIClient, protocol: Protocol, tool: object
) -> None:
    """A tool of another kind than functions is refused."""
    assert "function" in await refusal(others, protocol, tools=[tool])


async def test_temperature_of_the_request(serve: Serve, others: PydanticAIClient) -> None:
    """The request's own temperature wins over the conversation's."""
    server = await serve(Answer(body=OPENAI.answer("Four.")))
    chat = Chat(messages=MESSAGES[:2], options={"temperature": 1.0})
    arm = OPENAI.arm(server.url)
    await others.complete(ModelRequest(arm=arm, text="?", chat=chat, temperature=0.25))
    assert server.requests[0].body["temperature"] == 0.25
