"""Which model of a provider is meant, and what it costs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Self
from urllib.parse import urlsplit

from conduit.catalog.available import find_model
from conduit.catalog.baseline import cheapest
from conduit.catalog.catalog import given_prices, known_models
from conduit.catalog.pricing import price_of
from conduit.catalog.registry import Registry
from conduit.core.addresses import is_loopback
from conduit.core.arms import Arm, Price
from conduit.core.errors import InvalidInputError, UnknownModelError, UnknownPriceError
from conduit.providers.cli_commands import TOOLS
from conduit.providers.lmstudio import loaded_model
from conduit.settings import Settings
from conduit.simple.named.names import AUTO

_log = logging.getLogger("conduit.simple")
_MAKERS: Mapping[str, str] = MappingProxyType(
    {"openai-codex": "openai", "claude-code": "anthropic"}
)
"""Whose models a tool calls."""


def arm_of(provider: str, model: str | None, settings: Settings) -> Arm:
    """The model that is named, or that is taken where none is.

    Without a name: ``MODEL_NAME``, unless it is of another provider; else the tool's own, what the
    LM Studio server has loaded, or the provider's cheapest model of the catalogue.

    Args:
        provider: a known one.
        model: its name, with the provider's before it or without.
        settings: with the prices and addresses that hold.

    Raises:
        UnknownModelError: for a model that nothing answers to.
        UnknownPriceError: for a model that nobody priced.
        ConfigurationError: when the LM Studio server does not answer.
        InvalidInputError: for OpenRouter without a model.
    """
    models = _Models.of(provider, settings)
    if model is not None:
        return models.named(model)
    return models.chosen(settings) or models.usual(settings)


def named_for(provider: str, settings: Settings) -> str | None:
    """``MODEL_NAME``, if it is of this provider.

    Args:
        provider: by its name, in small letters.
        settings: with the prices and addresses that hold.

    Raises:
        UnknownModelError: for a model that nothing answers to.
        UnknownPriceError: for a model that nobody priced.
    """
    chosen = _Models.of(provider, settings).chosen(settings)
    return None if chosen is None else settings.model_name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Models:
    """One provider's models: whatever a router chooses from, any of them may be named here."""

    provider: str
    registry: Registry
    prices: Mapping[str, Price]

    @classmethod
    def of(cls, provider: str, settings: Settings) -> Self:
        folder = Path.cwd()
        return cls(
            provider=provider,
            registry=known_models(
                folder=folder, registry=settings.registry, base_urls=settings.base_urls
            ),
            prices=given_prices(
                folder=folder, pricing=settings.pricing, prices=settings.pricing_json
            ),
        )

    def named(self, model: str) -> Arm:
        if model.lower().startswith((f"{self.provider}/", f"{self.provider}:")):
            model = model[len(self.provider) + 1 :]
        if self.provider in TOOLS and model.lower() == self.provider:
            return self._priced(self.provider)
        return self._priced(f"{self.provider}/{model}")

    def chosen(self, settings: Settings) -> Arm | None:
        """The one that ``MODEL_NAME`` names, if it is of this provider."""
        name, whose = settings.model_name, (settings.model_provider or AUTO).lower()
        if name is None:
            return None
        if whose != AUTO:
            return self.named(name) if whose == self.provider else None
        owners = {arm.provider for arm in self.registry.arms if name in (arm.id, arm.api_name)}
        if owners and not owners & {self.provider, _MAKERS.get(self.provider)}:
            return None
        try:
            return self.named(name)
        except (UnknownModelError, UnknownPriceError):
            return None

    def usual(self, settings: Settings) -> Arm:
        """The one that is taken where nobody names one."""
        if self.provider in TOOLS:
            return self._priced(self.provider)
        if self.provider == "lmstudio":
            offline = settings.offline  # where nobody is asked
            return self.named("model" if offline else loaded_model(settings.lmstudio_base_url))
        names = [arm.id for arm in self.registry.arms if arm.provider == self.provider]
        if not names:
            raise InvalidInputError(
                f"provider {self.provider!r} has many models, and none was named",
                remedy="name one, such as 'anthropic/claude-3.5-sonnet', or set MODEL_NAME",
            )
        return cheapest([self._priced(name) for name in names])

    def _priced(self, name: str) -> Arm:
        """The model of that name; at a server on this machine it is free unless it has a price."""
        arm = find_model(self.registry, name, prices=self.prices)
        try:
            return replace(arm, price=price_of(arm, self.prices))
        except UnknownPriceError:
            if not is_loopback(urlsplit(arm.base_url or "").hostname or ""):
                raise
        _log.warning("no price is given for %r on this machine: it counts as free", arm.id)
        return replace(arm, price=Price(input=0.0, output=0.0))
