"""The scripted provider."""

from __future__ import annotations

import math
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.core.arms import Arm
from conduit.core.chat import Chat
from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.providers.scripted import ScriptedProvider, count_tokens

ARM = Arm(id="arm", provider="scripted")
OTHER = Arm(id="other", provider="scripted")


def ask(text: str = "Why?", arm: Arm = ARM, **options: float | int) -> ModelRequest:
    """A request."""
    return ModelRequest(arm=arm, text=text, **options)  # type: ignore[arg-type]


async def kinds(client: ScriptedProvider, calls: int, arm: Arm = ARM) -> list[FailureKind | None]:
    """How several calls in a row end; None for an answer."""
    ends: list[FailureKind | None] = []
    for _ in range(calls):
        try:
            await client.complete(ask(arm=arm))
        except ProviderError as failure:
            ends.append(failure.kind)
        else:
            ends.append(None)
    return ends


async def test_constant() -> None:
    """One answer serves all prompts and arms."""
    client = ScriptedProvider("Because.")
    assert (await client.complete(ask())).text == "Because."
    assert (await client.complete(ask("How?", OTHER))).text == "Because."


async def test_mapping() -> None:
    """A mapping answers by prompt, and says which prompt it lacks."""
    client = ScriptedProvider({"Why?": "Because."})
    assert (await client.complete(ask())).text == "Because."
    with pytest.raises(ProviderError, match="'How\\?'") as caught:
        await client.complete(ask("How?"))
    assert caught.value.kind is FailureKind.BAD_REQUEST


async def test_function() -> None:
    """A function sees the request, and a whole reply of its own is left as it is."""
    whole = ModelReply(text="No.", input_tokens=5, cost=0.25)
    client = ScriptedProvider(
        lambda request: whole if request.arm is OTHER else request.text.upper(), latency=2.0
    )
    assert (await client.complete(ask())).text == "WHY?"
    assert await client.complete(ask(arm=OTHER)) == whole


async def test_failures_in_order() -> None:
    """Failures come in their order, per arm, and then calls are answered."""
    rate_limit, server = FailureKind.RATE_LIMIT, FailureKind.SERVER
    client = ScriptedProvider(failures={"arm": [rate_limit, None, server]})
    assert await kinds(client, 2, OTHER) == [None, None]
    assert await kinds(client, 5) == [rate_limit, None, server, None, None]


async def test_failing_for_ever() -> None:
    """An endless script never answers."""
    client = ScriptedProvider(failures={"arm": repeat(FailureKind.SERVER)})
    assert await kinds(client, 20) == [FailureKind.SERVER] * 20


async def test_whole_failure() -> None:
    """A scripted error is raised as it is."""
    error = ProviderError(FailureKind.RATE_LIMIT, model="arm", retry_after=3.0)
    with pytest.raises(ProviderError) as caught:
        await ScriptedProvider(failures={"arm": [error]}).complete(ask())
    assert caught.value is error


async def test_latency_is_reported_and_slept() -> None:
    """Latency is per arm, unknown where none is given, and slept only by the sleep handed in."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    silent = ScriptedProvider(latency={"arm": 1.5})
    assert (await silent.complete(ask())).latency == 1.5
    assert (await silent.complete(ask(arm=OTHER))).latency is None
    sleeping = ScriptedProvider(latency=1.5, sleep=sleep)
    await sleeping.complete(ask())
    with pytest.raises(ProviderError):
        await sleeping.complete(ask(timeout=0.5))
    assert slept == [1.5, 0.5]


async def test_deadline() -> None:
    """A latency beyond the deadline is a TIMEOUT, and one just within it is not."""
    client = ScriptedProvider(latency=2.0)
    assert (await client.complete(ask(timeout=2.0))).latency == 2.0
    with pytest.raises(ProviderError) as caught:
        await client.complete(ask(timeout=1.9))
    assert caught.value.kind is FailureKind.TIMEOUT


async def test_requests_are_kept() -> None:
    """Every request is kept in order, failed ones included."""
    client = ScriptedProvider(failures={"arm": [FailureKind.SERVER]})
    asked = [ask("one"), ask("two", OTHER)]
    with pytest.raises(ProviderError):
        await client.complete(asked[0])
    await client.complete(asked[1])
    assert client.requests == asked


@given(
    prompt=st.text(min_size=1, max_size=60),
    answer=st.text(alphabet="ab ", max_size=60).map("answer ".__add__),
    most=st.none() | st.integers(1, 20),
)
async def test_tokens(prompt: str, answer: str, most: int | None) -> None:
    """Tokens follow the rule, and an answer is cut exactly when it is longer than allowed."""
    request = ModelRequest(arm=ARM, text=prompt, max_tokens=most)
    reply = await ScriptedProvider(answer).complete(request)
    whole = math.ceil(len(answer) / 4)
    assert reply.input_tokens == math.ceil(len(prompt) / 4)
    assert reply.output_tokens == (whole if most is None else min(whole, most))
    assert (reply.finish_reason == "length") == (reply.text != answer)
    assert answer.startswith(reply.text)


async def test_empty() -> None:
    """A scripted answer without text fails as it would from a real provider."""
    with pytest.raises(ProviderError) as caught:
        await ScriptedProvider(" ").complete(ask())
    assert (caught.value.kind, caught.value.model) == (FailureKind.EMPTY, "arm")
    assert (caught.value.input_tokens, caught.value.output_tokens) == (1, 1)


def test_no_text_counts_one() -> None:
    """Even no text counts one token, so that no call is free by accident."""
    assert [count_tokens("x" * length) for length in (0, 1, 4, 5)] == [1, 1, 1, 2]


async def test_words() -> None:
    """A scripted stream is its answer word by word, and nothing is lost between them."""
    text = "  Because\nit  is. "
    *pieces, reply = [part async for part in ScriptedProvider(text).stream(ask())]
    assert [piece.text for piece in pieces] == ["  Because", "\nit", "  is. "]
    assert reply == await ScriptedProvider(text).complete(ask())


async def test_tool_calls() -> None:
    """A scripted reply may be tool calls without text, which stream one by one."""
    calls = tuple(
        {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}}
        for name in ("f", "g")
    )
    whole = ModelReply(text="", tool_calls=calls, finish_reason="tool_calls")
    client = ScriptedProvider(lambda request: whole)
    assert await client.complete(ask()) == whole
    parts = [part async for part in client.stream(ask())]
    assert parts == [
        Delta(tool_calls=({"index": 0, **calls[0]},)),
        Delta(tool_calls=({"index": 1, **calls[1]},)),
        whole,
    ]


async def test_failing_stream() -> None:
    """A scripted failure comes before the first piece."""
    client = ScriptedProvider(failures={"arm": [FailureKind.SERVER]})
    with pytest.raises(ProviderError):
        await anext(client.stream(ask()))


async def test_conversation_is_counted() -> None:
    """Tokens of a conversation are those of all its text, not of the part that was routed on."""
    chat = Chat(messages=({"role": "user", "content": "x" * 400},))
    request = ModelRequest(arm=ARM, text="Why?", chat=chat)
    reply = await ScriptedProvider().complete(request)
    assert reply.input_tokens == math.ceil(chat.characters / 4)
    assert reply.input_tokens > 100
