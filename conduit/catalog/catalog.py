"""The catalogue: the priced arms of a router and the baseline they are measured against."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conduit.catalog.available import available_arms, find_model, may_be_unlisted
from conduit.catalog.baseline import resolve_baseline
from conduit.catalog.pricing import parse_pricing, price_names, price_of, read_pricing
from conduit.catalog.registry import SHIPPED, Registry, read_registry
from conduit.core.arms import Arm, Price

_log = logging.getLogger("conduit.catalog")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What a router chooses from.

    Args:
        arms: the models to choose among, each with its price; ids are unique.
        baseline: the model savings are measured against, priced; it need not be an arm.
        registry: every model that exists.
        prices: given prices by model name, stronger than list prices.
    """

    arms: tuple[Arm, ...]
    baseline: Arm
    registry: Registry
    prices: Mapping[str, Price]

    def find(self, name: str) -> Arm:
        """The priced model of that name, an arm or not; see ``find_model`` for what is a name.

        Raises:
            UnknownModelError: for a name that nothing answers to.
            UnknownPriceError: for a model that nobody priced.
        """
        return _find_priced(self.registry, name, self.prices)


def load_catalog(
    *,
    folder: Path | None = None,
    registry: Path | None = None,
    pricing: Path | None = None,
    prices: Mapping[str, object] | None = None,
    providers_with_keys: Collection[str] = (),
    base_urls: Mapping[str, str] | None = None,
    models: Sequence[str] | None = None,
    baseline: str | None = None,
) -> Catalog:
    """Read registry and prices, choose the arms, price them, name the baseline.

    Args:
        folder: where ``models/registry.yaml`` and ``models/pricing.yaml`` are taken from when they
            exist and no path is given; None looks nowhere.
        registry: registry file; None takes the folder's, else the shipped one.
        pricing: pricing file; None takes the folder's, else none.
        prices: prices by model name, ``{"gpt-4o": {"input": 2.5, "output": 10}}`` in USD per
            million tokens; stronger than the pricing file.
        providers_with_keys: providers that can be called.
        base_urls: per provider another address than its own; ``lmstudio`` among them.
        models: names of the arms; None takes every model that can be called.
        baseline: name of the baseline; None takes the registry's, else the dearest arm.

    Raises:
        ConfigurationError: for a file with a mistake, naming file, entry and field.
        UnknownModelError: for a name in ``models`` or ``baseline`` that nothing answers to.
        UnknownPriceError: for an arm or baseline that nobody priced.
    """
    known = known_models(folder=folder, registry=registry, base_urls=base_urls)
    given = given_prices(folder=folder, pricing=pricing, prices=prices)
    chosen = available_arms(
        known, providers_with_keys=providers_with_keys, models=models, prices=given
    )
    _report_unused(given, known=known, chosen=chosen)
    arms = tuple(replace(arm, price=price_of(arm, given)) for arm in chosen)
    reference = resolve_baseline(
        arms,
        explicit=baseline,
        registered=known.baseline,
        find=lambda name: _find_priced(known, name, given),
    )
    return Catalog(arms=arms, baseline=reference, registry=known, prices=given)


def known_models(
    *, folder: Path | None, registry: Path | None, base_urls: Mapping[str, str] | None
) -> Registry:
    """Every model that exists, priced or not; arguments as for :func:`load_catalog`.

    Raises:
        ConfigurationError: for a file with a mistake, naming file, entry and field.
    """
    known = read_registry(registry or _existing(folder, "registry.yaml") or SHIPPED)
    return known.at(base_urls or {})


def given_prices(
    *, folder: Path | None, pricing: Path | None, prices: Mapping[str, object] | None
) -> dict[str, Price]:
    """What a user says that models cost, by name; arguments as for :func:`load_catalog`.

    Raises:
        ConfigurationError: for a price that is missing or negative, naming source, model and field.
    """
    path = pricing or _existing(folder, "pricing.yaml")
    in_file = {} if path is None else read_pricing(path)
    return in_file | parse_pricing(prices or {}, source="prices")


def _existing(folder: Path | None, name: str) -> Path | None:
    path = None if folder is None else folder / "models" / name
    return path if path is not None and path.is_file() else None


def _find_priced(registry: Registry, name: str, given: Mapping[str, Price]) -> Arm:
    arm = find_model(registry, name, prices=given)
    return replace(arm, price=price_of(arm, given))


def _report_unused(given: Mapping[str, Price], *, known: Registry, chosen: Sequence[Arm]) -> None:
    """A misspelt name would leave a model at its list price without anybody noticing."""
    used = {name for arm in (*known.arms, *chosen) for name in price_names(arm)}
    for name in given.keys() - used:
        if may_be_unlisted(known, name):
            continue  # asked for later, it may be
        _log.warning("a price is given and no model of the registry has the name %r", name)
