"""Which models a call may use: those that can be called, or the ones asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from conduit.catalog import Catalog
from conduit.core.arms import Arm
from conduit.core.errors import InvalidInputError, UnknownModelError, UnknownPriceError
from conduit.engines.callable_models import callable_arms, has_key, without_keyless
from conduit.engines.configured import catalog_of
from conduit.providers.cli_commands import TOOLS
from conduit.providers.endpoints import BASE_URLS
from conduit.settings import Settings
from conduit.simple.named.models import named_for
from conduit.simple.named.names import AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Models by id.

    Args:
        models: what the router is made of.
        only: those the caller forces; None leaves the choice to the router.
    """

    models: tuple[str, ...]
    only: tuple[str, ...] | None


def choose(settings: Settings, *, model: str | None, provider: str | None, calling: bool) -> Choice:
    """Find the models of a call.

    Args:
        settings: say which models there are and which keys are set, and ``model_name`` and
            ``model_provider`` where none is given; the name is of that provider alone, and without
            one (or with ``auto``) of whoever lists it.
        model: a name that a model answers to; a model that no setting chose may be asked for. With a
            provider, its name there, listed or not.
        provider: whose models to take.
        calling: leave out models that cannot be called for want of a key.

    Raises:
        UnknownModelError: for a model that nothing answers to.
        UnknownPriceError: for a provider's model that nobody priced.
        InvalidInputError: for a provider without models.
        ConfigurationError: when no key is set for any of them.
    """
    catalog = catalog_of(settings)
    if model is None and settings.model_name is not None:
        model = named_for(provider.lower(), settings) if provider else settings.model_name
    whose = settings.model_provider
    provider = provider or (None if whose is None or whose.lower() == AUTO else whose)
    wanted = _wanted(catalog, model=model, provider=provider)
    forced = model is not None or provider is not None
    arms = tuple({arm.id: arm for arm in (*catalog.arms, *wanted)}.values())
    if calling:
        wanted = callable_arms(wanted, settings)
        asked_for = not forced or settings.models is not None
        arms = without_keyless(arms, settings) if asked_for else _with_key(arms, settings)
    return Choice(models=_ids(arms), only=_ids(wanted) if forced else None)


def known_provider(name: str, arms: Iterable[Arm]) -> str:
    """A provider's name as the arms spell it.

    Raises:
        InvalidInputError: when none of them is served by it.
    """
    return _known(name, {arm.provider for arm in arms})


def _known(name: str, providers: Collection[str]) -> str:
    if name.lower() in providers:
        return name.lower()
    raise InvalidInputError(
        f"no model of provider {name!r}", remedy=f"choose one of: {', '.join(sorted(providers))}"
    )


def _wanted(catalog: Catalog, *, model: str | None, provider: str | None) -> tuple[Arm, ...]:
    if model is not None:
        return (catalog.find(model) if provider is None else _served_by(catalog, model, provider),)
    if provider is None:
        return catalog.arms
    return _all_of(catalog, provider)


def _served_by(catalog: Catalog, model: str, provider: str) -> Arm:
    """A provider's model by its name there, which the registry need not list."""
    everybody = {
        *BASE_URLS,
        *TOOLS,
        *(arm.provider for arm in (*catalog.arms, *catalog.registry.arms)),
    }
    provider = _known(provider, everybody)
    whole = model.lower().startswith((f"{provider}/", f"{provider}:"))
    name = model if whole else f"{provider}/{model}"
    try:
        return catalog.find(name)
    except UnknownModelError:
        elsewhere = catalog.registry.find(model)
        if elsewhere is None:
            raise UnknownPriceError(name) from None
        raise InvalidInputError(
            f"model {elsewhere.id!r} is served by {elsewhere.provider!r}, not by {provider!r}",
            remedy=f"give --provider {elsewhere.provider}, or --model alone",
        ) from None


def _all_of(catalog: Catalog, provider: str) -> tuple[Arm, ...]:
    """Those of a provider that settings chose, else all that the registry lists; a tool's own."""
    listed = (*catalog.arms, *catalog.registry.arms)
    lower = provider.lower()
    if lower in TOOLS:
        return (catalog.find(lower),)
    if lower in BASE_URLS and all(arm.provider != lower for arm in listed):
        raise InvalidInputError(
            f"no model of provider {lower!r} is listed",
            remedy=f"name one: --provider {lower} --model MODEL",
        )
    name = known_provider(provider, listed)
    chosen = tuple(arm for arm in catalog.arms if arm.provider == name)
    others = (arm for arm in catalog.registry.arms if arm.provider == name)
    return chosen or tuple(catalog.find(arm.id) for arm in others)


def _with_key(arms: Iterable[Arm], settings: Settings) -> tuple[Arm, ...]:
    return tuple(arm for arm in arms if has_key(arm, settings))


def _ids(arms: Iterable[Arm]) -> tuple[str, ...]:
    return tuple(arm.id for arm in arms)
