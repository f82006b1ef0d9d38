"""Where an arm is served, and the key it is called with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

from conduit.core.arms import Arm
from conduit.core.errors import ConfigurationError

KEY_VARIABLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "openai": ("OPENAI_API_KEY",),
        "anthropic": ("ANTHROPIC_API_KEY",),
        "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        "groq": ("GROQ_API_KEY",),
        "openrouter": ("OPENROUTER_API_KEY",),
    }
)
"""Per provider that needs a key, the environment variables a user may set it with."""

BASE_URLS: Mapping[str, str] = MappingProxyType(
    {
        "openai": "https://api.openai.com/v1",
        "anthropic": "https://api.anthropic.com",
        "google": "https://generativelanguage.googleapis.com",
        "groq": "https://api.groq.com",
        "openrouter": "https://openrouter.ai/api/v1",
        "lmstudio": "http://localhost:1234/v1",
    }
)
"""Per provider, the address its own SDK starts from."""


OTHER_PROTOCOLS = frozenset({"anthropic", "google"})
"""Providers with a protocol of their own; everybody else is spoken to in OpenAI's."""

_PREFIXES: Mapping[str, str] = MappingProxyType({"groq": "/openai/v1"})
"""Per provider, what its SDK puts between the address and the protocol's path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One provider at one address.

    Args:
        provider: its name, which decides the protocol.
        base_url: where requests go.
        api_key: the credential, kept out of ``repr``; empty for a server that asks for none.
    """

    provider: str
    base_url: str
    api_key: str = field(repr=False)

    @property
    def speaks_openai(self) -> bool:
        """Whether it is spoken to in OpenAI's chat protocol."""
        return self.provider not in OTHER_PROTOCOLS

    @property
    def chat_url(self) -> str:
        """Where OpenAI's chat protocol is spoken."""
        prefix = _PREFIXES.get(self.provider, "")
        return f"{self.base_url.rstrip('/')}{prefix}/chat/completions"

    @property
    def knows_completion_tokens(self) -> bool:
        """Whether a limit is called ``max_completion_tokens``: at OpenAI's own address alone.

        A server elsewhere that does not know the name would not be limited at all.
        """
        host = urlsplit(self.base_url).hostname or ""
        return host == "openai.com" or host.endswith(".openai.com")


def endpoint_of(arm: Arm, *, api_keys: Mapping[str, str], base_urls: Mapping[str, str]) -> Endpoint:
    """Find the endpoint of an arm.

    ``arm.base_url`` wins over ``base_urls[provider]``, which wins over the provider's own address. A
    key is required at the provider's own address only; a server elsewhere may ask for none. Blanks
    around it are none of it: a key read from a file has the end of a line there.

    Raises:
        ConfigurationError: when the provider's key is missing or none, or its address is unknown.
    """
    base_url = arm.base_url or base_urls.get(arm.provider) or BASE_URLS.get(arm.provider)
    if not base_url:
        raise ConfigurationError(
            f"provider {arm.provider!r} of model {arm.id!r} has no known address",
            remedy=f"use one of {', '.join(BASE_URLS)}, or give the base_url of a server that "
            "speaks OpenAI's chat protocol",
        )
    key = api_keys.get(arm.provider, "").strip()
    own = base_url.rstrip("/") == BASE_URLS.get(arm.provider)
    if not key and own and arm.provider in KEY_VARIABLES:
        raise ConfigurationError(
            f"no API key for provider {arm.provider!r} of model {arm.id!r}",
            remedy=f"set {_variables(arm.provider)}",
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError(
            f"the API key for provider {arm.provider!r} has characters that no key has",
            remedy=f"set {_variables(arm.provider)} to the key alone",
        )
    return Endpoint(provider=arm.provider, base_url=base_url, api_key=key)


def _variables(provider: str) -> str:
    return " or ".join(KEY_VARIABLES.get(provider, ("it",)))
