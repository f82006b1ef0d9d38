"""Where an arm is served, and with which key."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conduit.core.arms import Arm
from conduit.core.errors import ConfigurationError, ProviderError
from conduit.core.outcomes import ModelRequest
from conduit.providers.endpoints import BASE_URLS, KEY_VARIABLES, endpoint_of

from .conftest import CLIENTS, Maker, Serve
from .loopback import Answer
from .protocols import KEY, OWN_PROTOCOLS, Protocol, ask


@pytest.mark.parametrize("provider", KEY_VARIABLES)
@pytest.mark.parametrize("made", CLIENTS.values(), ids=CLIENTS)
async def test_missing_key(provider: str, made: Maker) -> None:
    """A missing key is an error that names the model and the variables to set, and no other key."""
    client = made(api_keys={"some-other": KEY, provider: ""})
    with pytest.raises(ConfigurationError) as caught:
        await client.complete(ModelRequest(arm=Arm(id="the-arm", provider=provider), text="?"))
    said = str(caught.value)
    assert "'the-arm'" in said
    assert all(variable in said for variable in KEY_VARIABLES[provider])
    assert KEY not in said


def test_unknown_provider() -> None:
    """A provider without a known address is an error that lists the known ones."""
    with pytest.raises(ConfigurationError, match=r"'nobody'.*openai.*base_url"):
        endpoint_of(Arm(id="a", provider="nobody"), api_keys={}, base_urls={})


@pytest.mark.parametrize("provider", BASE_URLS)
def test_addresses(provider: str) -> None:
    """The arm's address wins over the provider's configured one, and that over its own."""
    keys = {provider: KEY}
    plain, special = Arm(id="a", provider=provider), Arm(id="b", provider=provider, base_url="b")
    own = endpoint_of(plain, api_keys=keys, base_urls={})
    assert (own.base_url, own.api_key) == (BASE_URLS[provider], KEY)
    assert endpoint_of(plain, api_keys=keys, base_urls={provider: "c"}).base_url == "c"
    assert endpoint_of(special, api_keys=keys, base_urls={provider: "c"}).base_url == "b"


@pytest.mark.parametrize("made", CLIENTS.values(), ids=CLIENTS)
def test_key_is_not_shown(made: Maker) -> None:
    """No representation shows the key."""
    endpoint = endpoint_of(Arm(id="a", provider="openai"), api_keys={"openai": KEY}, base_urls={})
    client = made(api_keys={"openai": KEY})
    assert KEY not in f"{endpoint!r} {endpoint} {client!r} {client}"


@pytest.mark.parametrize("protocol", OWN_PROTOCOLS, ids=str)
async def test_a_key_read_from_a_file(protocol: Protocol, serve: Serve) -> None:
    """A key may have a line's end after it, is sent without, and is struck out all the same."""
    server = await serve(Answer(body=protocol.answer("Four.")))
    keyed = CLIENTS[protocol.via](api_keys={protocol.name: f" {KEY}\r\n"})
    await keyed.complete(ask(protocol.arm(server.url)))
    assert protocol.key(server.requests[0]) == KEY
    server.answer = Answer(status=401, body=protocol.fault(f"Wrong: {KEY}.", 401))
    with pytest.raises(ProviderError) as caught:
        await keyed.complete(ask(protocol.arm(server.url)))
    assert caught.value.detail == "Wrong: ***."
    await keyed.aclose()


@pytest.mark.parametrize("key", ["one\ntwo", "one\x00", "schlüssel"])
@pytest.mark.parametrize("made", CLIENTS.values(), ids=CLIENTS)
async def test_a_key_that_is_none(made: Maker, key: str) -> None:
    """A key that no header can carry is refused before it is sent, and not shown."""
    client = made(api_keys={"openai": key})
    with pytest.raises(ConfigurationError, match="'openai'") as caught:
        await client.complete(ModelRequest(arm=Arm(id="a", provider="openai"), text="?"))
    assert key not in str(caught.value)
    assert "OPENAI_API_KEY" in str(caught.value)


def test_import_is_light() -> None:
    """Neither the package nor the making of a client loads PydanticAI or an SDK."""
    code = (
        "import sys, conduit.providers, conduit.providers.scripted, conduit.providers.recorded\n"
        "from conduit.providers.pydantic_ai import PydanticAIClient\n"
        "PydanticAIClient(api_keys={'openai': 'x'})\n"
        "heavy = {'pydantic_ai', 'openai', 'anthropic', 'groq', 'google.genai', 'httpx2', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
