"""Good answers over HTTP, in each provider's own protocol."""

from __future__ import annotations

import re
import time

import pytest

from conduit.core.arms import Arm
from conduit.core.outcomes import ModelRequest
from conduit.core.ports import StreamingClient

from .conftest import CLIENTS, Maker, Serve
from .loopback import Answer
from .protocols import (
    ALL,
    ANTHROPIC,
    GOOGLE,
    GROQ,
    KEY,
    LMSTUDIO,
    MODEL,
    OPENAI,
    OWN_PROTOCOLS,
    PROMPT,
    Protocol,
    ask,
)

every_protocol = pytest.mark.parametrize("protocol", ALL, ids=str)
every_client = pytest.mark.parametrize("made", CLIENTS.values(), ids=CLIENTS)
own_protocol = pytest.mark.parametrize("protocol", OWN_PROTOCOLS, ids=str)


@every_protocol
async def test_good_answer(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A good answer arrives with its text, tokens, finish reason and a measured latency."""
    server = await serve(Answer(body=protocol.answer("Four."), delay=0.05))
    started = time.perf_counter()
    reply = await client.complete(ask(protocol.arm(server.url)))
    elapsed = time.perf_counter() - started
    assert (reply.text, reply.finish_reason) == ("Four.", "stop")
    assert (reply.input_tokens, reply.output_tokens) == (11, 7)
    assert reply.cost is None
    assert reply.latency is not None
    assert 0.05 <= reply.latency <= elapsed


@every_protocol
async def test_request(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A request goes to the protocol's path with the key, model, prompt, limit and temperature."""
    server = await serve(Answer(body=protocol.answer("Four.")))
    await client.complete(ask(protocol.arm(server.url), max_tokens=50, temperature=0.25))
    (received,) = server.requests
    assert re.fullmatch(protocol.path, received.path)
    assert protocol.key(received) == KEY
    assert protocol.asked(received) == (MODEL, PROMPT, 50)
    assert received.body.get("generationConfig", received.body)["temperature"] == 0.25


@own_protocol
async def test_limit_of_the_arm(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """No more tokens are asked for than the arm can give."""
    server = await serve(Answer(body=protocol.answer("Four.")))
    whole = protocol.arm(server.url)
    arm = Arm(
        id=whole.id,
        provider=whole.provider,
        model=whole.model,
        base_url=whole.base_url,
        max_output_tokens=64,
    )
    await client.complete(ask(arm, max_tokens=1000))
    assert protocol.asked(server.requests[0])[2] == 64


async def test_anthropic_always_has_a_limit(serve: Serve, client: StreamingClient) -> None:
    """Anthropic, whose protocol demands a limit, gets the arm's when the request has none."""
    server = await serve(Answer(body=ANTHROPIC.answer("Four.")))
    arm = ANTHROPIC.arm(server.url)
    await client.complete(ask(arm))
    assert ANTHROPIC.asked(server.requests[0])[2] == arm.max_output_tokens


@pytest.mark.parametrize("protocol", [OPENAI, GROQ, LMSTUDIO], ids=str)
async def test_no_limit(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """Without a limit in the request none is sent to who demands none."""
    server = await serve(Answer(body=protocol.answer("Four.")))
    await client.complete(ask(protocol.arm(server.url)))
    assert not {"max_tokens", "max_completion_tokens"} & set(server.requests[0].body)


@own_protocol
async def test_length(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """An answer cut by its length is an answer, and says so."""
    server = await serve(Answer(body=protocol.answer("Four is the", "length")))
    reply = await client.complete(ask(protocol.arm(server.url), max_tokens=7))
    assert (reply.text, reply.finish_reason) == ("Four is the", "length")


@own_protocol
async def test_filtered_in_part(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """Text that a filter cut off is handed over as such."""
    server = await serve(Answer(body=protocol.answer("Four", "content_filter")))
    reply = await client.complete(ask(protocol.arm(server.url)))
    assert (reply.text, reply.finish_reason) == ("Four", "content_filter")


@own_protocol
async def test_short_answer(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """Shortness is no failure, and an answer that discusses errors is no error."""
    server = await serve(Answer())
    for text in ("4", "٤", "Error: there are no errors."):
        server.answer = Answer(body=protocol.answer(text))
        assert (await client.complete(ask(protocol.arm(server.url)))).text == text


@own_protocol
async def test_unreported_tokens(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """Tokens that the provider does not report are unknown, not zero."""
    silent = {
        key: value
        for key, value in protocol.answer("Four.").items()
        if key not in {"usage", "usageMetadata"}
    }
    if protocol is ANTHROPIC:
        silent["usage"] = {"input_tokens": 0, "output_tokens": 0}
    server = await serve(Answer(body=silent))
    reply = await client.complete(ask(protocol.arm(server.url)))
    assert (reply.text, reply.input_tokens, reply.output_tokens) == ("Four.", None, None)


@every_client
async def test_base_url_of_the_provider(serve: Serve, made: Maker) -> None:
    """A provider's base URL serves its arms, and an arm's own address wins over it."""
    general = await serve(Answer(body=LMSTUDIO.answer("general")))
    special = await serve(Answer(body=LMSTUDIO.answer("special")))
    client = made(api_keys={}, base_urls={"lmstudio": f"{general.url}/v1"})
    plain = Arm(id="plain", provider="lmstudio")
    assert (await client.complete(ModelRequest(arm=plain, text="?"))).text == "general"
    assert (await client.complete(ask(LMSTUDIO.arm(special.url)))).text == "special"
    assert general.requests[0].body["model"] == "plain"
    await client.aclose()


@every_client
async def test_local_server_without_a_key(serve: Serve, made: Maker) -> None:
    """An unknown provider with a base URL is spoken to in OpenAI's protocol, without a key."""
    server = await serve(Answer(body=LMSTUDIO.answer("Four.")))
    client = made(api_keys={"openai": KEY})
    arm = Arm(id="here", provider="my-own-server", base_url=f"{server.url}/v1")
    assert (await client.complete(ModelRequest(arm=arm, text="?"))).text == "Four."
    assert KEY not in str(server.requests[0].headers)
    await client.aclose()


async def test_one_pool_per_endpoint(serve: Serve, client: StreamingClient) -> None:
    """Calls one after the other share a connection, whichever model they name."""
    server = await serve(Answer(body=GOOGLE.answer("Four.")))
    for name in ("a", "b", "a"):
        arm = Arm(id=name, provider="google", base_url=server.url)
        await client.complete(ModelRequest(arm=arm, text="?"))
    assert len(server.requests) == 3
    assert server.connections == 1
