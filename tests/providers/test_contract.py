"""The contract of a model client, over every client."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from conduit.core.arms import Arm
from conduit.core.chat import Chat
from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.core.ports import StreamingClient
from conduit.providers.choosing import client_for
from conduit.providers.cli_tools import CliToolClient
from conduit.providers.openai_chat import OpenAIChatClient
from conduit.providers.pydantic_ai import PydanticAIClient
from conduit.providers.recorded import RecordedOutcome, RecordedProvider
from conduit.providers.scripted import ScriptedProvider

from .conftest import Serve
from .fake_tools import NAMES, install
from .loopback import Answer, Received, Stream
from .protocols import LMSTUDIO
from .streamed import streamed

PROMPTS = tuple(f"prompt {number}" for number in range(32))
SLOW = 30.0


def scripted(arm: Arm) -> StreamingClient:
    """Echoes; the arm named after a misfortune suffers it."""

    def answer(request: ModelRequest) -> str:
        if request.text == "broken":
            raise ProviderError(FailureKind.BAD_REQUEST, model=request.arm.id)
        return "" if request.text == "empty" else f"echo of {request.text}"

    latency = {arm.id: 0.0, "slow": SLOW}
    return ScriptedProvider(answer, latency=latency, sleep=asyncio.sleep)


def recorded(arm: Arm) -> StreamingClient:
    """The same outcomes as recorded rows; ``broken`` was never recorded."""
    rows = [RecordedOutcome(prompt=text, arm=arm.id, text=f"echo of {text}") for text in PROMPTS]
    rows.append(RecordedOutcome(prompt="empty", arm=arm.id, text=""))
    rows.append(RecordedOutcome(prompt="prompt 0", arm="slow", text="late", latency=SLOW))
    return RecordedProvider(rows)


def over_http(received: Received) -> Answer | Stream:
    """The same outcomes from a server."""
    model, text = received.body["model"], received.body["messages"][-1]["content"]
    if text == "broken":
        return Answer(status=400, body=LMSTUDIO.fault("Broken.", 400))
    said = "" if text == "empty" else f"echo of {text}"
    if received.body.get("stream") and model != "slow":
        return Stream(pieces=streamed(LMSTUDIO, re.findall(r"\S+\s*", said)))
    return Answer(body=LMSTUDIO.answer(said), delay=SLOW if model == "slow" else 0.0)


class Subject:
    """A client and the arms it answers for: ``arm`` at once, ``slow`` far too late."""

    def __init__(
        self,
        client: StreamingClient,
        base_url: str | None = None,
        *,
        provider: str = "lmstudio",
    ) -> None:
        self.client = client
        self.arm = Arm(id="arm", provider=provider, base_url=base_url)
        self.slow = Arm(id="slow", provider=provider, base_url=base_url)

    async def ask(self, text: str) -> str:
        request = ModelRequest(arm=self.arm, text=text, timeout=20)
        return (await self.client.complete(request)).text

    async def failure(self, text: str) -> FailureKind:
        with pytest.raises(ProviderError) as caught:
            await self.ask(text)
        assert caught.value.model == "arm"
        return caught.value.kind


OVER_HTTP = {
    "pydantic_ai": lambda: PydanticAIClient(api_keys={}),
    "openai_chat": lambda: OpenAIChatClient(api_keys={}),
    "chosen": lambda: client_for(api_keys={}, max_concurrency=8),
}


@pytest.fixture(params=["scripted", "recorded", *OVER_HTTP, *NAMES])
async def subject(
    request: pytest.FixtureRequest,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[Subject]:
    """Each client in turn."""
    arm = Arm(id="arm", provider="lmstudio")
    if request.param in NAMES:
        monkeypatch.setenv("PATH", str(install(tmp_path / "bin")), prepend=os.pathsep)
        made = Subject(CliToolClient(), provider=request.param)
    elif request.param in OVER_HTTP:
        server = await serve(over_http)
        made = Subject(OVER_HTTP[request.param](), f"{server.url}/v1")
    else:
        made = Subject({"scripted": scripted, "recorded": recorded}[request.param](arm))
    yield made
    await made.client.aclose()


async def test_is_a_model_client(subject: Subject) -> None:
    """Every client fulfils the port."""
    assert isinstance(subject.client, StreamingClient)


async def test_answers(subject: Subject) -> None:
    """A prompt is answered with its own answer, which ended by itself."""
    reply = await subject.client.complete(ModelRequest(arm=subject.arm, text="prompt 7"))
    assert (reply.text, reply.finish_reason) == ("echo of prompt 7", "stop")


async def test_empty(subject: Subject) -> None:
    """An answer without text is an EMPTY failure."""
    assert await subject.failure("empty") is FailureKind.EMPTY


async def test_failure(subject: Subject) -> None:
    """A failed call names the arm and its kind, and the next call is answered."""
    assert await subject.failure("broken") is FailureKind.BAD_REQUEST
    assert await subject.ask("prompt 1") == "echo of prompt 1"


async def test_deadline(subject: Subject) -> None:
    """A call longer than its deadline is a TIMEOUT, and one within it is answered."""
    late = ModelRequest(arm=subject.slow, text="prompt 0", timeout=0.05)
    with pytest.raises(ProviderError) as caught:
        await subject.client.complete(late)
    assert (caught.value.kind, caught.value.model) == (FailureKind.TIMEOUT, "slow")
    assert await subject.ask("prompt 0") == "echo of prompt 0"


async def test_concurrency(subject: Subject) -> None:
    """Of 32 calls at once each gets the answer to its own prompt."""
    answers = await asyncio.gather(*(subject.ask(text) for text in PROMPTS))
    assert answers == [f"echo of {text}" for text in PROMPTS]


@pytest.mark.parametrize("subject", ["scripted", *OVER_HTTP, *NAMES], indirect=True)
async def test_cancellation(subject: Subject) -> None:
    """Cancelling a call in flight ends it as cancelled, and the client stays of use."""
    call = asyncio.create_task(
        subject.client.complete(ModelRequest(arm=subject.slow, text="prompt 0", timeout=60))
    )
    await asyncio.sleep(0.2)
    assert not call.done()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert call.cancelled()
    assert await subject.ask("prompt 2") == "echo of prompt 2"


async def test_stream(subject: Subject) -> None:
    """A stream gives pieces, one of a tool, and last the reply that a whole answer would be."""
    request = ModelRequest(arm=subject.arm, text="prompt 7", timeout=20)
    *pieces, reply = [part async for part in subject.client.stream(request)]
    assert len(pieces) > 1 or isinstance(subject.client, CliToolClient)
    assert pieces
    assert all(isinstance(piece, Delta) for piece in pieces)
    assert "".join(piece.text for piece in pieces if isinstance(piece, Delta)) == reply.text
    whole = await subject.client.complete(request)
    assert isinstance(reply, ModelReply)
    assert (reply.text, reply.finish_reason) == (whole.text, whole.finish_reason)
    assert (reply.input_tokens, reply.output_tokens) == (whole.input_tokens, whole.output_tokens)


async def test_streams_at_once(subject: Subject) -> None:
    """Of 32 streams at once each gives the answer to its own prompt."""

    async def read(text: str) -> str:
        request = ModelRequest(arm=subject.arm, text=text, timeout=20)
        parts = [part async for part in subject.client.stream(request)]
        return parts[-1].text

    answers = await asyncio.gather(*map(read, PROMPTS))
    assert answers == [f"echo of {text}" for text in PROMPTS]


@pytest.mark.parametrize(
    ("text", "kind"), [("broken", FailureKind.BAD_REQUEST), ("empty", FailureKind.EMPTY)]
)
async def test_stream_that_fails(subject: Subject, text: str, kind: FailureKind) -> None:
    """A stream without an answer fails as the whole answer does."""
    with pytest.raises(ProviderError) as caught:
        [part async for part in subject.client.stream(ModelRequest(arm=subject.arm, text=text))]
    assert (caught.value.kind, caught.value.model) == (kind, "arm")


async def test_stream_past_its_deadline(subject: Subject) -> None:
    """A stream that does not begin within its deadline is a TIMEOUT."""
    late = ModelRequest(arm=subject.slow, text="prompt 0", timeout=0.05)
    with pytest.raises(ProviderError) as caught:
        [part async for part in subject.client.stream(late)]
    assert (caught.value.kind, caught.value.model) == (FailureKind.TIMEOUT, "slow")


async def test_stream_closed_early(subject: Subject) -> None:
    """A stream that is left after its first piece leaves the client of use."""
    for _ in range(12):
        request = ModelRequest(arm=subject.arm, text="prompt 7", timeout=20)
        async with aclosing(subject.client.stream(request)) as parts:
            assert isinstance(await anext(parts), Delta)
    assert await subject.ask("prompt 1") == "echo of prompt 1"


async def test_conversation(subject: Subject) -> None:
    """A conversation is answered."""
    turns = ("prompt 1", "echo of prompt 1", "prompt 2")
    roles = ("user", "assistant", "user")
    chat = Chat(
        messages=tuple({"role": r, "content": t} for r, t in zip(roles, turns, strict=True))
    )
    request = ModelRequest(arm=subject.arm, text="prompt 2", chat=chat, timeout=20)
    assert (await subject.client.complete(request)).text == "echo of prompt 2"


async def test_aclose(subject: Subject) -> None:
    """A client may be closed unused, and more than once, and opens anew when it is used again."""
    await subject.client.aclose()
    for _ in range(2):
        assert await subject.ask("prompt 3") == "echo of prompt 3"
        await subject.client.aclose()
        await subject.client.aclose()
