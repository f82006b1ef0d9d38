"""Settings of the model providers: keys, addresses, and how a model is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conduit.settings.kinds import COUNT, HTTP, POSITIVE, SECONDS, SWITCH, TEMPERATURE, TEXT, choice
from conduit.settings.masking import Secrets
from conduit.settings.setting import declare

HOSTED = ("openai", "anthropic", "google", "groq", "openrouter")
"""Providers that want a key."""


def _key(owner: str, *aliases: str) -> str | None:
    key: str | None = declare(f"key of {owner}", TEXT, aliases=aliases, secret=True)
    return key


def _address(owner: str, *aliases: str, default: str | None = None) -> str | None:
    address: str | None = declare(
        f"address to call in the place of {owner}", HTTP, aliases=aliases, default=default
    )
    return address


@dataclass(frozen=True, kw_only=True, repr=False)
class ProviderSettings:
    """Whom to call, and how."""

    openai_api_key: str | None = _key("OpenAI", "OPENAI_API_KEY")
    anthropic_api_key: str | None = _key("Anthropic", "ANTHROPIC_API_KEY")
    google_api_key: str | None = _key("Google Gemini", "GOOGLE_API_KEY", "GEMINI_API_KEY")
    groq_api_key: str | None = _key("Groq", "GROQ_API_KEY")
    openrouter_api_key: str | None = _key("OpenRouter", "OPENROUTER_API_KEY")
    openai_base_url: str | None = _address("OpenAI", "OPENAI_BASE_URL")
    anthropic_base_url: str | None = _address("Anthropic", "ANTHROPIC_BASE_URL")
    google_base_url: str | None = _address("Google Gemini", "GOOGLE_GEMINI_BASE_URL")
    groq_base_url: str | None = _address("Groq", "GROQ_BASE_URL")
    openrouter_base_url: str | None = _address("OpenRouter", "OPENROUTER_BASE_URL")
    lmstudio_base_url: str = declare(
        "address of the LM Studio server", HTTP, default="http://localhost:1234/v1"
    )
    model_provider: str | None = declare(
        "--provider of conduit run and conduit route where none is given",
        TEXT,
        aliases=("MODEL_PROVIDER",),
    )
    model_name: str | None = declare(
        "--model of conduit run and conduit route where none is given, at MODEL_PROVIDER",
        TEXT,
        aliases=("MODEL_NAME",),
    )
    model_reasoning: str | None = declare(
        "reasoning effort for openai-codex",
        choice(("low", "medium", "high")),
        aliases=("MODEL_REASONING",),
    )
    temperature: float | None = declare(
        "sampling temperature; unset leaves it to the model",
        TEMPERATURE,
        aliases=("OPENAI_TEMPERATURE",),
    )
    max_tokens: int | None = declare(
        "longest answer in tokens; unset leaves it to the model",
        POSITIVE,
        aliases=("OPENAI_MAX_TOKENS",),
    )
    timeout: float = declare(
        "seconds to wait for one model call", SECONDS, aliases=("LITELLM_TIMEOUT",), default=60.0
    )
    num_retries: int = declare(
        "how often one request is sent again after a transport failure",
        COUNT,
        aliases=("LITELLM_NUM_RETRIES",),
        default=3,
    )
    app_retries: int = declare(
        "how often one prompt is tried again after an unusable answer",
        COUNT,
        aliases=("LITELLM_APP_RETRIES",),
        default=3,
    )
    continue_cut_answers: bool = declare(
        "ask on where an answer was cut by its length, within the caller's max_tokens",
        SWITCH,
        default=False,
    )
    response_cache_seconds: float | None = declare(
        "how long an answer is given again to an equal request; unset gives none", SECONDS
    )

    max_concurrency: int | None = declare(
        "how many calls of one provider may be on their way at once; unset for any number",
        POSITIVE,
    )

    @property
    def api_keys(self) -> Mapping[str, str]:
        """Keys that are set, by provider; its repr hides them."""
        keys = {name: getattr(self, f"{name}_api_key") for name in HOSTED}
        return Secrets({name: key for name, key in keys.items() if key})

    @property
    def base_urls(self) -> Mapping[str, str]:
        """Addresses other than the provider's own, by provider; LM Studio's is always there."""
        urls = {name: getattr(self, f"{name}_base_url") for name in (*HOSTED, "lmstudio")}
        return Secrets({name: url for name, url in urls.items() if url})
