"""Which of the models are the arms: those with a key, or those the caller names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from conduit.catalog.pricing import AGGREGATORS, PLANNED, has_private_price, price_of
from conduit.catalog.registry import Registry
from conduit.core.arms import Arm, Price
from conduit.core.errors import InvalidInputError, UnknownModelError, UnknownPriceError


def available_arms(
    registry: Registry,
    *,
    providers_with_keys: Collection[str],
    models: Sequence[str] | None = None,
    prices: Mapping[str, Price] | None = None,
) -> tuple[Arm, ...]:
    """The arms of a router.

    Without ``models``: every arm whose provider has a key or needs none. Where there is none at
    all, the whole registry, so that routing can be tried out without a key.

    Args:
        registry: the models that exist.
        providers_with_keys: short names of providers.
        models: names to choose instead, keys or not; see :func:`find_model`.
        prices: given prices, by which a model outside the registry is known too.

    Raises:
        UnknownModelError: for a name that nothing answers to.
        InvalidInputError: for an empty list of names.
    """
    if models is None:
        usable = tuple(arm for arm in registry.arms if _callable(arm, providers_with_keys))
        return usable or registry.arms
    if not models:
        raise InvalidInputError(
            "models=[] names no model", remedy="name at least one, or pass None"
        )
    found = [find_model(registry, name, prices=prices) for name in models]
    return tuple({arm.id: arm for arm in found}.values())


def find_model(registry: Registry, name: str, *, prices: Mapping[str, Price] | None = None) -> Arm:
    """The arm of that name: of the registry, or ``provider/model`` where its price is known.

    A model outside the registry gets its full name ``provider/model`` as id, so that what is
    learned about it stays its own whatever else is configured. At a private address, and at a provider
    that passes on other people's models, nobody can tell which models there are: there any name is
    one. Its price is looked up by :func:`~conduit.catalog.pricing.price_of`.

    Raises:
        UnknownModelError: for a name that nothing answers to.
    """
    known = registry.find(name)
    if known is not None:
        return known
    outsider = _outsider(name, base_urls=registry.base_urls)
    if outsider is not None and (_is_anything(outsider) or _is_priced(outsider, prices or {})):
        return outsider
    raise UnknownModelError(name, known=[arm.id for arm in registry.arms])


def may_be_unlisted(registry: Registry, name: str) -> bool:
    """Whether a name is of a provider at which any name may be a model."""
    outsider = _outsider(name, base_urls=registry.base_urls)
    return outsider is not None and _is_anything(outsider)


def _is_anything(arm: Arm) -> bool:
    return arm.provider in AGGREGATORS or has_private_price(arm)


def _callable(arm: Arm, providers_with_keys: Collection[str]) -> bool:
    return has_private_price(arm) or arm.provider in providers_with_keys


def _outsider(name: str, *, base_urls: Mapping[str, str]) -> Arm | None:
    """An arm from ``provider/model`` or ``provider:model``, whichever mark comes first.

    A command-line tool alone is the model that the tool takes by itself.
    """
    if name.lower() in PLANNED:
        return Arm(id=name.lower(), provider=name.lower())
    cut = min((at for at in (name.find("/"), name.find(":")) if at > 0), default=None)
    if cut is None or cut == len(name) - 1:
        return None
    provider, model = name[:cut].lower(), name[cut + 1 :]
    return Arm(
        id=f"{provider}/{model}",
        provider=provider,
        model=model,
        base_url=base_urls.get(provider),
    )


def _is_priced(arm: Arm, prices: Mapping[str, Price]) -> bool:
    try:
        price_of(arm, prices)
    except UnknownPriceError:
        return False
    return True
