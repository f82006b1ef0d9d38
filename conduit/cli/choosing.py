"""Which models a call may use: those that can be called, or the ones asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conduit.catalog import Catalog
from conduit.core.arms import Arm
from conduit.core.errors import InvalidInputError
from conduit.engines.callable_models import callable_arms, without_keyless
from conduit.engines.configured import catalog_of
from conduit.settings import Settings


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
        settings: say which models there are and which keys are set.
        model: a name that a model answers to; a model that no setting chose may be asked for.
        provider: whose models to take.
        calling: leave out models that cannot be called for want of a key.

    Raises:
        UnknownModelError: for a model that nothing answers to.
        InvalidInputError: for a provider without models.
        ConfigurationError: when no key is set for any of them.
    """
    catalog = catalog_of(settings)
    wanted = _wanted(catalog, model=model, provider=provider)
    arms = tuple({arm.id: arm for arm in (*catalog.arms, *wanted)}.values())
    if calling:
        wanted = callable_arms(wanted, settings)
        arms = without_keyless(arms, settings)
    forced = model is not None or provider is not None
    return Choice(models=_ids(arms), only=_ids(wanted) if forced else None)


def known_provider(name: str, arms: Iterable[Arm]) -> str:
    """A provider's name as the arms spell it.

    Raises:
        InvalidInputError: when none of them is served by it.
    """
    providers = {arm.provider for arm in arms}
    if name.lower() in providers:
        return name.lower()
    raise InvalidInputError(
        f"no model of provider {name!r}", remedy=f"choose one of: {', '.join(sorted(providers))}"
    )


def _wanted(catalog: Catalog, *, model: str | None, provider: str | None) -> tuple[Arm, ...]:
    if provider is not None:
        provider = known_provider(provider, (*catalog.arms, *catalog.registry.arms))
    if model is not None:
        arm = catalog.find(model)
        if provider not in (None, arm.provider):
            raise InvalidInputError(
                f"model {arm.id!r} is served by {arm.provider!r}, not by {provider!r}",
                remedy="give --model or --provider alone",
            )
        return (arm,)
    if provider is None:
        return catalog.arms
    chosen = tuple(arm for arm in catalog.arms if arm.provider == provider)
    others = (arm for arm in catalog.registry.arms if arm.provider == provider)
    return chosen or tuple(catalog.find(arm.id) for arm in others)


def _ids(arms: Iterable[Arm]) -> tuple[str, ...]:
    return tuple(arm.id for arm in arms)
