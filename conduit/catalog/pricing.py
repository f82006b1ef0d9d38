"""What a model costs: given prices first, then the registry, then published list prices.

A model served from another address than its provider's own is billed by whoever runs that
address, so it is never priced at the provider's list price.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conduit.catalog import fields
from conduit.catalog.documents import read_document
from conduit.catalog.registry import names_of
from conduit.core.addresses import is_loopback
from conduit.core.arms import Arm, Price
from conduit.core.errors import ConfigurationError, UnknownPriceError

if TYPE_CHECKING:
    from genai_prices.types import TieredPrices

UNLISTED = frozenset({"lmstudio", "claude-code", "openai-codex"})
"""Providers without list prices: local servers, and command-line tools with their own plan."""
AGGREGATORS = frozenset({"openrouter"})
"""Providers that pass on other people's models, more than any list has."""

PLANNED = frozenset({"claude-code", "openai-codex"})
"""Of these, the tools: nobody is billed by the token, unless a price is given or the tool says more."""

_HOSTS = {
    "openai": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "google": "generativelanguage.googleapis.com",
    "groq": "api.groq.com",
    "openrouter": "openrouter.ai",
}
_FIELDS: dict[str, fields.Reader] = dict.fromkeys(
    ("input_price", "output_price", "input", "output"), fields.price
)


def read_pricing(path: Path) -> dict[str, Price]:
    """Read a pricing file: model name to ``input_price`` and ``output_price``.

    Raises:
        ConfigurationError: naming file, model and field.
    """
    return parse_pricing(read_document(path), source=str(path))


def parse_pricing(raw: Mapping[Any, object], *, source: str) -> dict[str, Price]:
    """Prices by model name, from ``{"gpt-4o-mini": {"input": 0.15, "output": 0.60}}``.

    Args:
        raw: per model its prices in USD per million tokens, as ``input`` and ``output`` or as
            ``input_price`` and ``output_price``.
        source: the file or variable they come from, which every error names.

    Raises:
        ConfigurationError: naming source, model and field.
    """
    return {str(model): _price(model, entry, source=source) for model, entry in raw.items()}


def _price(model: object, entry: object, *, source: str) -> Price:
    where = f"{source}: {model}"
    if not isinstance(model, str):
        raise ConfigurationError(f"{where} is no model name", remedy="write it in quotes")
    given = fields.read_fields(entry, _FIELDS, where=where)
    sides = [
        [given[name] for name in (f"{side}_price", side) if name in given]
        for side in ("input", "output")
    ]
    if any(len(side) != 1 for side in sides):
        raise ConfigurationError(
            f"{where} has fields {sorted(given)}",
            remedy="give input_price and output_price, each once",
        )
    return Price(input=sides[0][0], output=sides[1][0])


def price_of(arm: Arm, given: Mapping[str, Price]) -> Price:
    """The price of an arm: given > the arm's own > the published list price.

    A command-line tool's is 0: a plan pays for it, and a cost that the tool reports is stronger.
    What this machine's own LM Studio serves is free where nobody says otherwise: nobody bills it.

    Args:
        arm: the model.
        given: prices by model name, from a pricing file or the caller.

    Raises:
        UnknownPriceError: when no source knows it; nothing is ever priced by guess.
    """
    for name in price_names(arm):
        if name in given:
            return given[name]
    if arm.price is not None:
        return arm.price
    if arm.provider in PLANNED or _is_own(arm):
        return Price(input=0.0, output=0.0)
    if has_private_price(arm):
        raise UnknownPriceError(arm.id, served_at=urlsplit(arm.base_url or "").hostname)
    price = list_price(arm.provider, arm.api_name)
    if price is None:
        raise UnknownPriceError(arm.id)
    return price


def has_private_price(arm: Arm) -> bool:
    """Whether its own server or plan sets the price; such an arm needs no key either."""
    if arm.provider in UNLISTED:
        return True
    return arm.base_url is not None and urlsplit(arm.base_url).hostname != _HOSTS.get(arm.provider)


def _is_own(arm: Arm) -> bool:
    return arm.provider == "lmstudio" and is_loopback(urlsplit(arm.base_url or "").hostname or "")


def price_names(arm: Arm) -> tuple[str, ...]:
    """Names a given price may use; for another address only the arm's own id will do."""
    if not has_private_price(arm):
        return names_of(arm)
    return (arm.id, f"{arm.provider}/{arm.id}", f"{arm.provider}:{arm.id}")


@cache
def list_price(provider: str, model: str) -> Price | None:
    """The published price at ordinary context length; None when there is none.

    Args:
        provider: short name of the provider.
        model: the name the provider knows it by.
    """
    from genai_prices import Usage, calc_price  # noqa: PLC0415 - slow, and often not needed

    try:
        found = calc_price(Usage(input_tokens=1, output_tokens=1), model, provider_id=provider)
    except LookupError:
        return None
    if found.provider.id != provider:
        return None  # the table matches providers loosely
    into, out = found.model_price.input_mtok, found.model_price.output_mtok
    if into is None or out is None:
        return None  # billed by the second or the picture, not by the token
    return Price(input=_ordinary(into), output=_ordinary(out))


def _ordinary(price: Decimal | TieredPrices) -> float:
    """The price before any surcharge for long contexts, in USD per million tokens."""
    return float(price if isinstance(price, Decimal) else price.base)
