"""OpenAI's protocol as servers really speak it, to our own client."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from conduit.core.arms import Arm
from conduit.core.chat import Chat
from conduit.core.errors import ConfigurationError, FailureKind, ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.providers.chat_replies import usage_in
from conduit.providers.endpoints import Endpoint
from conduit.providers.openai_chat import OpenAIChatClient
from conduit.providers.pydantic_ai import PydanticAIClient

from .conftest import Serve
from .loopback import Answer, LoopbackServer, Stream
from .protocols import FAST, KEY, MODEL, PROMPT, ask

LMSTUDIO = FAST[3]


@pytest.fixture
async def fast(serve: Serve) -> AsyncIterator[OpenAIChatClient]:
    client = OpenAIChatClient(api_keys={"openai": KEY, "lmstudio": KEY})
    yield client
    await client.aclose()


def event(body: Any) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\r\n\r\n"


def chunk(*, finish: str | None = None, **delta: Any) -> bytes:
    return event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


DONE = b"data: [DONE]\n\n"
SHELL = {"id": "x", "object": "chat.completion.chunk", "created": 1700000000, "model": MODEL}


async def parts_of(client: OpenAIChatClient, server: LoopbackServer) -> list[Delta | ModelReply]:
    return [part async for part in client.stream(ask(LMSTUDIO.arm(server.url)))]


async def failure_of(client: OpenAIChatClient, server: LoopbackServer) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await client.complete(ask(LMSTUDIO.arm(server.url)))
    return caught.value


async def test_a_status_inside_a_body_is_kept(serve: Serve, fast: OpenAIChatClient) -> None:
    """A refusal that comes with status 200 tells the breakers as much as one by HTTP."""
    server = await serve(Answer(body={"error": {"code": 402, "message": "Too dear."}}))
    failure = await failure_of(fast, server)
    assert (failure.kind, failure.status) == (FailureKind.AUTHENTICATION, 402)


async def test_stream_asks_for_its_cost(serve: Serve, fast: OpenAIChatClient) -> None:
    """A stream always asks for usage, and a whole answer for neither."""
    server = await serve(Answer(body=LMSTUDIO.answer("Four.")))
    await parts_of(fast, server)
    await fast.complete(ask(LMSTUDIO.arm(server.url)))
    messages = [{"role": "user", "content": PROMPT}]
    assert [received.body for received in server.requests] == [
        {
            "model": MODEL,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        {"model": MODEL, "messages": messages},
    ]


async def test_server_that_does_not_stream(serve: Serve, fast: OpenAIChatClient) -> None:
    """A server that answers a stream as a whole is heard all the same, in one piece."""
    server = await serve(Answer(body=LMSTUDIO.answer("Four.")))
    piece, reply = await parts_of(fast, server)
    assert piece == Delta(text="Four.")
    assert isinstance(reply, ModelReply)
    assert (reply.text, reply.output_tokens) == ("Four.", 7)


async def test_usage_in_any_place(serve: Serve, fast: OpenAIChatClient) -> None:
    """Usage may come with every piece or in one without choices; the last word counts."""
    first = {
        "choices": [{"index": 0, "delta": {"content": "Four."}}],
        "usage": {"prompt_tokens": 3},
    }
    last = {
        "choices": [],
        "usage": {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 5},
        },
    }
    pieces = [event(first), chunk(finish="stop"), event(last), DONE]
    server = await serve(Stream(pieces=pieces))
    reply = (await parts_of(fast, server))[-1]
    assert isinstance(reply, ModelReply)
    assert (reply.input_tokens, reply.output_tokens, reply.cached_tokens) == (11, 7, 5)


THOUGHT = {
    "prompt_tokens": 12,
    "completion_tokens": 2,
    "total_tokens": 331,
    "completion_tokens_details": {"reasoning_tokens": 317},
}


@pytest.mark.parametrize("made", [OpenAIChatClient, PydanticAIClient])
async def test_thought_beside_the_answer_is_billed(serve: Serve, made: Any) -> None:
    """Tokens of thought that a server counts in the total alone are paid, streamed too."""
    whole = LMSTUDIO.answer("Four.") | {"usage": THOUGHT}
    piece = event({"choices": [{"index": 0, "delta": {"content": "Four."}}]} | SHELL)
    last = event({"choices": [], "usage": THOUGHT} | SHELL)
    end = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]} | SHELL)
    client = made(api_keys={"lmstudio": KEY})
    try:
        server = await serve(Answer(body=whole))
        replies = [await client.complete(ask(LMSTUDIO.arm(server.url)))]
        server = await serve(Stream(pieces=[piece, end, last, DONE]))
        replies += [it async for it in client.stream(ask(LMSTUDIO.arm(server.url)))][-1:]
    finally:
        await client.aclose()
    assert [(it.input_tokens, it.output_tokens) for it in replies] == [(12, 319), (12, 319)]


@pytest.mark.parametrize(
    ("told", "made"),
    [
        ({"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}, 7),
        ({"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 7}, 7),
        ({"prompt_tokens": 0, "completion_tokens": 7, "total_tokens": 19}, 7),
        ({"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": "99"}, 7),
        ({"prompt_tokens": 12, "total_tokens": 19}, None),
        ({"prompt_tokens": 12, "completion_tokens": 0, "total_tokens": 12}, None),
    ],
)
def test_only_three_counts_say_what_was_thought(told: dict[str, Any], made: int | None) -> None:
    """A total that is not told, is no count or has an unknown part adds nothing to the answer."""
    usage = usage_in({"usage": told})
    assert usage is not None
    assert usage.output_tokens == made


async def test_billed_before_it_broke(serve: Serve, fast: OpenAIChatClient) -> None:
    """A stream that breaks off says what the server had counted until then."""
    told = {
        "choices": [{"index": 0, "delta": {"content": "Fo"}}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 2},
    }
    server = await serve(Stream(pieces=[event(told)], cut=True))
    with pytest.raises(ProviderError) as caught:
        await parts_of(fast, server)
    failure = caught.value
    assert failure.kind is FailureKind.CONNECTION
    assert (failure.input_tokens, failure.output_tokens) == (11, 2)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
async def test_thoughts_are_counted_as_they_come(
    serve: Serve, fast: OpenAIChatClient, name: str
) -> None:
    """Before an answer they are bytes that nobody is shown; with it they are shown, not counted again."""
    thoughts = [chunk(**{name: "Two "}), chunk(**{name: "plus two: é"})]
    last = chunk(content="Four.", **{name: "!"})
    server = await serve(Stream(pieces=[*thoughts, last, chunk(finish="stop"), DONE]))
    first, second, spoken, reply = await parts_of(fast, server)
    assert (first, second) == (Delta(thought=4), Delta(thought=12))
    assert isinstance(spoken, Delta)
    assert (spoken.text, spoken.thought) == ("Four.", 1)
    assert spoken.extras.message == {name: "Two plus two: é!"}
    assert isinstance(reply, ModelReply)
    assert reply.extras.thought == 17


@pytest.mark.parametrize(
    "pieces",
    [
        [chunk(content="Four."), DONE],
        [chunk(content="Four."), chunk(finish="stop")],
        [chunk(content="Four.", role="assistant"), chunk(finish="eos"), DONE],
        [b": keep alive\n\n", chunk(content="Four."), b"event: end\n\n", DONE],
        [chunk(content="Four."), chunk(content=None), chunk(), event({}), DONE],
        [chunk(content="Four.", reasoning_content="Hm."), chunk(finish="stop"), DONE, b"data: {"],
    ],
    ids=["no-finish", "no-done", "odd-finish", "comments", "nothings", "after-the-end"],
)
async def test_dialects(serve: Serve, fast: OpenAIChatClient, pieces: list[bytes]) -> None:
    """Servers leave things out and add their own; an answer with an end is an answer."""
    server = await serve(Stream(pieces=pieces))
    piece, reply = await parts_of(fast, server)
    assert isinstance(piece, Delta)
    assert (piece.text, piece.tool_calls) == ("Four.", ())
    assert isinstance(reply, ModelReply)
    assert (reply.text, reply.finish_reason) == ("Four.", "stop")
    assert (reply.input_tokens, reply.output_tokens) == (None, None)


async def test_end_without_a_farewell(serve: Serve, fast: OpenAIChatClient) -> None:
    """A connection that breaks after the end of the answer takes nothing from it."""
    server = await serve(
        Stream(pieces=[chunk(content="Four."), chunk(finish="stop"), DONE], cut=True)
    )
    assert len(await parts_of(fast, server)) == 2


async def test_server_that_lingers(serve: Serve, fast: OpenAIChatClient) -> None:
    """A server that keeps the stream open after its end is hung up on, and the answer stands."""
    pieces = [chunk(content="Four."), DONE, b": still here\n\n"]
    server = await serve(Stream(pieces=pieces, gate=asyncio.Event(), gated=2))
    assert len(await parts_of(fast, server)) == 2
    async with asyncio.timeout(20):
        await server.hung_up.wait()


async def test_fragments_without_an_index(serve: Serve, fast: OpenAIChatClient) -> None:
    """Where a server leaves the index of tool calls out, a new id begins a new call."""

    def called(identity: str | None, **function: str) -> bytes:
        return chunk(tool_calls=[{"id": identity, "type": "function", "function": function}])

    pieces = [
        called("a", name="f", arguments='{"x"'),
        called(None, arguments=": 1}"),
        called("b", name="g", arguments="{}"),
        chunk(finish="tool_calls"),
        DONE,
    ]
    server = await serve(Stream(pieces=pieces))
    *deltas, reply = await parts_of(fast, server)
    assert isinstance(reply, ModelReply)
    assert [(call["id"], call["function"]) for call in reply.tool_calls] == [
        ("a", {"name": "f", "arguments": '{"x": 1}'}),
        ("b", {"name": "g", "arguments": "{}"}),
    ]
    indices = [delta.tool_calls[0]["index"] for delta in deltas if isinstance(delta, Delta)]
    assert indices == [0, 0, 1]


async def test_only_the_first_choice(serve: Serve, fast: OpenAIChatClient) -> None:
    """Pieces of other choices than the first are not mixed into it."""
    other = event({"choices": [{"index": 1, "delta": {"content": "Five."}}]})
    pieces = [other, chunk(content="Four."), other, chunk(finish="stop"), DONE]
    server = await serve(Stream(pieces=pieces))
    reply = (await parts_of(fast, server))[-1]
    assert isinstance(reply, ModelReply)
    assert reply.text == "Four."


async def test_refusal(serve: Serve, fast: OpenAIChatClient) -> None:
    """A refusal in the place of text is a CONTENT_FILTER failure, streamed too."""
    pieces = [chunk(refusal="I will"), chunk(refusal=" not."), chunk(finish="stop"), DONE]
    server = await serve(Stream(pieces=pieces))
    with pytest.raises(ProviderError) as caught:
        await parts_of(fast, server)
    assert caught.value.kind is FailureKind.CONTENT_FILTER


async def test_error_with_status_200(serve: Serve, fast: OpenAIChatClient) -> None:
    """An error object in the place of an answer has the kind that it names, and no key in it."""
    body = {"error": {"code": 429, "message": f"Busy, {KEY}."}}
    failure = await failure_of(fast, await serve(Answer(body=body)))
    assert (failure.kind, failure.detail) == (FailureKind.RATE_LIMIT, "Busy, ***.")


async def test_redirection_is_not_followed(serve: Serve, fast: OpenAIChatClient) -> None:
    """Nobody else is sent the key and the conversation because a server says so."""
    elsewhere = await serve(Answer(body=LMSTUDIO.answer("Mine.")))
    server = await serve(Answer(status=307, headers={"Location": elsewhere.url}))
    failure = await failure_of(fast, server)
    assert (failure.kind, failure.status) == (FailureKind.BAD_REQUEST, 307)
    assert elsewhere.requests == []


@pytest.mark.parametrize("value", [2**70, {1, 2}, "\ud800"], ids=ascii)
async def test_what_json_cannot_hold(serve: Serve, fast: OpenAIChatClient, value: object) -> None:
    """A request that is no JSON is a BAD_REQUEST, and nothing is sent."""
    server = await serve(Answer(body=LMSTUDIO.answer("Four.")))
    chat = Chat(messages=({"role": "user", "content": PROMPT},), options={"seed": value})
    request = ModelRequest(arm=LMSTUDIO.arm(server.url), text=PROMPT, chat=chat)
    with pytest.raises(ProviderError, match="JSON") as caught:
        await fast.complete(request)
    assert caught.value.kind is FailureKind.BAD_REQUEST
    assert server.requests == []


async def test_address_that_is_none(fast: OpenAIChatClient) -> None:
    """An address that cannot be called is the request's fault, for waiting does not mend it."""
    arm = Arm(id="the-arm", provider="mine", base_url="localhost:1234/v1")
    with pytest.raises(ProviderError) as caught:
        await fast.complete(ModelRequest(arm=arm, text="?"))
    assert caught.value.kind is FailureKind.BAD_REQUEST


async def test_credentials_in_the_address(serve: Serve, fast: OpenAIChatClient) -> None:
    """Credentials that stand in an address are used in the place of the key, and never shown."""
    server = await serve(Answer(status=401, body=LMSTUDIO.fault("Not pa55word.", 401)))
    address = server.url.replace("http://", "http://ann:pa55word@")
    with pytest.raises(ProviderError) as caught:
        await fast.complete(ask(LMSTUDIO.arm(address)))
    assert caught.value.detail == "Not ***."
    said = base64.b64encode(b"ann:pa55word").decode()
    assert server.requests[0].headers["authorization"] == f"Basic {said}"


@pytest.mark.parametrize("address", ["http://[bad/v1", "http://host:port/v1"])
async def test_address_that_cannot_be_read(fast: OpenAIChatClient, address: str) -> None:
    """An address that is none at all is an error of the configuration."""
    with pytest.raises(ConfigurationError, match="address"):
        await fast.complete(ModelRequest(arm=Arm(id="a", provider="b", base_url=address), text="?"))


async def test_proxy(serve: Serve, fast: OpenAIChatClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that the environment names is used, but for addresses that it exempts."""
    proxy = await serve(Answer(body=LMSTUDIO.answer("By proxy.")))
    direct = await serve(Answer(body=LMSTUDIO.answer("Directly.")))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    there = Arm(id="there", provider="mine", base_url="http://models.invalid/v1")
    assert (await fast.complete(ModelRequest(arm=there, text="?"))).text == "By proxy."
    assert proxy.requests[0].path == "http://models.invalid/v1/chat/completions"
    assert (await fast.complete(ask(LMSTUDIO.arm(direct.url)))).text == "Directly."


async def test_proxy_of_another_kind(
    fast: OpenAIChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that cannot be used is an error, never passed by, and its password is not shown."""
    monkeypatch.setenv("ALL_PROXY", f"socks5://user:{KEY}@127.0.0.1:9")
    arm = Arm(id="there", provider="mine", base_url="http://models.invalid/v1")
    with pytest.raises(ConfigurationError, match="socks5") as caught:
        await fast.complete(ModelRequest(arm=arm, text="?"))
    assert KEY not in str(caught.value)


ASKED_FOR = {"name": "look", "arguments": {"city": "Oslo"}}


async def test_arguments_that_came_as_an_object(serve: Serve, fast: OpenAIChatClient) -> None:
    """Arguments of a tool that a server did not write down are, for callers read a string."""
    call = {"id": "call_1", "type": "function", "function": ASKED_FOR}
    body = {"choices": [{"message": {"content": None, "tool_calls": [call]}}]}
    server = await serve(Answer(body=body))
    whole = await fast.complete(ask(LMSTUDIO.arm(server.url)))
    server.answer = Stream(
        pieces=[chunk(tool_calls=[{"index": 0, **call}]), chunk(finish="tool_calls"), DONE]
    )
    delta, streamed = await parts_of(fast, server)
    for part in (whole, delta, streamed):
        (found,) = part.tool_calls
        assert found["function"]["name"] == "look"
        assert json.loads(found["function"]["arguments"]) == {"city": "Oslo"}


@pytest.mark.parametrize("calls", [True, 7, {"id": "call_1"}, [None, 3]])
async def test_tool_calls_that_are_none(
    serve: Serve, fast: OpenAIChatClient, calls: object
) -> None:
    """Words beside what only looks like tool calls are an answer, whole and in pieces."""
    message = {"content": "Four.", "tool_calls": calls}
    server = await serve(Answer(body={"choices": [{"message": message}]}))
    whole = await fast.complete(ask(LMSTUDIO.arm(server.url)))
    server.answer = Stream(pieces=[chunk(**message), chunk(finish="stop"), DONE])
    *_, streamed = await parts_of(fast, server)
    assert isinstance(streamed, ModelReply)
    assert [(part.text, part.tool_calls) for part in (whole, streamed)] == [("Four.", ())] * 2


@pytest.mark.parametrize(
    "function", [{"name": 3, "arguments": 7}, {"name": ["f"], "arguments": True}, "look", None]
)
async def test_fragments_that_cannot_be_read(
    serve: Serve, fast: OpenAIChatClient, function: object
) -> None:
    """Fields of another kind in a piece of a tool call add nothing to it, and stop no answer."""
    piece = chunk(content="Four.", tool_calls=[{"index": 0, "id": 5, "function": function}])
    server = await serve(Stream(pieces=[piece, chunk(finish="stop"), DONE]))
    *_, reply = await parts_of(fast, server)
    assert isinstance(reply, ModelReply)
    (call,) = reply.tool_calls
    assert call["function"] == {"name": "", "arguments": ""}


@pytest.mark.parametrize("status", [200, 400])
async def test_an_error_whose_code_is_a_list(
    serve: Serve, fast: OpenAIChatClient, status: int
) -> None:
    """An error object is read as far as it can be, whatever its fields are."""
    error = {"message": "No.", "code": ["content_filter"], "type": {}}
    server = await serve(Answer(status=status, body={"error": error}))
    failure = await failure_of(fast, server)
    assert failure.kind is (FailureKind.SERVER if status == 200 else FailureKind.BAD_REQUEST)
    assert failure.detail == "No."


@pytest.mark.parametrize("written", ["s3cret", "s%40cret"])
async def test_a_proxy_that_refuses_is_not_shown(
    serve: Serve, fast: OpenAIChatClient, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """A proxy that lets nobody through is told by its status, never by its address or password."""
    proxy = await serve(Answer(status=407))
    place = proxy.url.removeprefix("http://")
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{written}@{place}")
    arm = Arm(id="there", provider="mine", base_url="https://models.invalid/v1")
    with pytest.raises(ProviderError, match="407") as caught:
        await fast.complete(ModelRequest(arm=arm, text="?"))
    assert (caught.value.kind, caught.value.sent) == (FailureKind.CONNECTION, False)
    assert written not in str(caught.value)
    assert place not in str(caught.value)


async def test_a_proxy_that_is_none_is_not_shown(
    fast: OpenAIChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy whose address cannot be read is refused without its password."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:s3cret@127.0.0.1:99999")
    arm = Arm(id="there", provider="mine", base_url="https://models.invalid/v1")
    with pytest.raises(ConfigurationError, match="no address") as caught:
        await fast.complete(ModelRequest(arm=arm, text="?"))
    assert "s3cret" not in str(caught.value)


async def test_an_address_that_cannot_be_called_hides_its_password(fast: OpenAIChatClient) -> None:
    """An address of another kind is refused without the password that stands in it."""
    arm = Arm(id="there", provider="mine", base_url="ftp://user:s%40cret@models.invalid/v1")
    with pytest.raises(ProviderError, match="no address") as caught:
        await fast.complete(ModelRequest(arm=arm, text="?"))
    assert "cret" not in str(caught.value)


async def test_without_orjson(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard library's JSON does as well, where the faster one is not installed."""
    monkeypatch.setitem(sys.modules, "orjson", None)
    client = OpenAIChatClient(api_keys={})
    server = await serve(Answer(body=LMSTUDIO.answer("Größe 🦜")))
    chat = Chat(messages=({"role": "user", "content": "Wie groß?"},))
    request = ModelRequest(arm=LMSTUDIO.arm(server.url), text="?", chat=chat)
    assert (await client.complete(request)).text == "Größe 🦜"
    assert server.requests[0].body["messages"] == [*chat.messages]
    await client.aclose()


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("http://localhost:1234/v1", False),
        ("https://openai.com.example.org/v1", False),
        ("https://notopenai.com/v1", False),
    ],
)
def test_name_of_the_limit(address: str, *, known: bool) -> None:
    """Only OpenAI's own address is trusted to know the newer name of the token limit."""
    endpoint = Endpoint(provider="openai", base_url=address, api_key="")
    assert endpoint.knows_completion_tokens is known


def test_import_is_light() -> None:
    """Neither the import nor the making of a client loads aiohttp."""
    code = (
        "import sys\n"
        "from conduit.providers.choosing import client_for\n"
        "client_for(api_keys={'openai': 'x'}, max_concurrency=3)\n"
        "print(sorted({'aiohttp', 'pydantic_ai', 'openai', 'httpx2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("patience", [{"timeout": 0.05}, {"connect_timeout": 0.05}], ids=str)
async def test_a_connection_that_never_stands_sends_nothing(patience: dict[str, float]) -> None:
    """A deadline that passes before there is a connection is no deadline of a model."""
    silent = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()  # in the place of its half of TLS's handshake
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = OpenAIChatClient(api_keys={}, connect_timeout=patience.get("connect_timeout", 5.0))
    asked = ask(LMSTUDIO.arm(f"https://127.0.0.1:{port}"), timeout=patience.get("timeout", 5.0))
    with pytest.raises(ProviderError) as caught:
        await client.complete(asked)
    silent.set()
    await client.aclose()
    server.close()
    await server.wait_closed()
    assert (caught.value.kind, caught.value.sent) == (FailureKind.TIMEOUT, False)
