"""Which client calls which model."""

from __future__ import annotations

import pytest

from conduit.core.arms import Arm
from conduit.providers import choosing
from conduit.providers.choosing import CapableClient, client_for
from conduit.providers.cli_tools import CliToolClient
from conduit.providers.limits import LimitedClient
from conduit.providers.openai_chat import OpenAIChatClient
from conduit.providers.pydantic_ai import PydanticAIClient


@pytest.mark.parametrize(
    ("provider", "fast"),
    [
        ("openai", True),
        ("groq", True),
        ("openrouter", True),
        ("lmstudio", True),
        ("my-own-server", True),
        ("anthropic", False),
        ("google", False),
    ],
)
@pytest.mark.parametrize("base_url", [None, "http://localhost:9/v1"])
def test_by_protocol(provider: str, base_url: str | None, *, fast: bool) -> None:
    """Who speaks OpenAI's protocol is called by the client that costs less, at any address."""
    client = client_for(api_keys={})
    assert isinstance(client, CapableClient)
    chosen = client.client_of(Arm(id="a", provider=provider, base_url=base_url))
    assert isinstance(chosen, OpenAIChatClient if fast else PydanticAIClient)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where aiohttp is not installed PydanticAI calls every server."""
    monkeypatch.setattr(choosing, "find_spec", lambda name: None)
    client = client_for(api_keys={})
    assert isinstance(client, CapableClient)
    assert isinstance(client.client_of(Arm(id="a", provider="openai")), PydanticAIClient)


@pytest.mark.parametrize("provider", ["openai-codex", "claude-code"])
def test_tools(provider: str) -> None:
    """The arms of a command-line tool are called by running it."""
    client = client_for(api_keys={})
    assert isinstance(client, CapableClient)
    assert isinstance(client.client_of(Arm(id="a", provider=provider)), CliToolClient)


def test_limit() -> None:
    """A limit is kept where one is set, and costs nothing where none is."""
    assert isinstance(client_for(api_keys={}, max_concurrency=3), LimitedClient)
    assert isinstance(client_for(api_keys={}), CapableClient)
