"""Where an arm is served, and with which key."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conduit.core.arms import Arm
from conduit.core.errors import ConfigurationError
from conduit.core.outcomes import ModelRequest
from conduit.providers.endpoints import BASE_URLS, KEY_VARIABLES, endpoint_of

from .conftest import CLIENTS, Maker
from .protocols import KEY


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
