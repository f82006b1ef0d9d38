"""``conduit models``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from conduit.catalog import Catalog
from conduit.cli.console import note, say, say_json, say_table, table_of
from conduit.cli.logs import load_settings
from conduit.cli.options import Database, Json
from conduit.cli.stores import existing_store
from conduit.core.arms import Arm, Price
from conduit.core.errors import UnknownPriceError
from conduit.core.outcomes import Head
from conduit.core.statistics import LearnedState
from conduit.engines.callable_models import has_key, key_variables
from conduit.engines.configured import catalog_of
from conduit.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model as it is shown.

    Args:
        input_price: USD per million tokens; None when nobody priced it.
        output_price: likewise.
        key_set: None for a provider that asks for no key.
        available: whether the router chooses among it.
        observations: of its quality; None without a database.
        calls: that were made; None without a database.
    """

    id: str
    provider: str
    tier: str
    input_price: float | None
    output_price: float | None
    key_set: bool | None
    baseline: bool
    available: bool
    observations: int | None
    calls: int | None


def models(
    everything: Annotated[
        bool, typer.Option("--all", help="Show the whole registry, not only what can be chosen.")
    ] = False,
    *,
    database: Database = None,
    json: Json = False,
) -> None:
    """Show the models, their prices, and what was learned about them.

    A model can be chosen when its provider's key is set (OPENAI_API_KEY,
    ANTHROPIC_API_KEY, …); without any key, all can be chosen and none called.
    Prices are USD per million tokens. A star marks the baseline, which savings
    are measured against.

      conduit models
      conduit models --all --json
      CONDUIT_MODELS=gpt-4o-mini,gpt-4o conduit models

    Models come from models/registry.yaml in the working folder where that
    exists, else from the shipped registry; docs/CATALOG.md explains both.
    Ratings and calls are counted in the database of conduit run.
    """
    settings = load_settings()
    catalog = catalog_of(settings)
    learned = asyncio.run(_learned(settings, database))
    rows = [
        _row(arm, catalog, settings=settings, learned=learned)
        for arm in _listed(catalog, everything=everything)
    ]
    if json:
        say_json([asdict(row) for row in rows])
        return
    _show(rows)
    if not any(has_key(arm, settings) for arm in catalog.arms):
        note(f"no API key is set: to call models, set one of {key_variables(catalog.arms)}")


async def _learned(settings: Settings, database: str | None) -> LearnedState | None:
    """What the database knows; None where there is none, as looking creates nothing."""
    store = existing_store(settings, database)
    if store is None:
        return None
    await store.open()
    try:
        return await store.load()
    finally:
        await store.close()


def _listed(catalog: Catalog, *, everything: bool) -> tuple[Arm, ...]:
    listed: dict[str, Arm] = {}
    more = catalog.registry.arms if everything else ()
    for arm in (*catalog.arms, catalog.baseline, *more):
        listed.setdefault(arm.id, arm)
    return tuple(listed.values())


def _row(arm: Arm, catalog: Catalog, *, settings: Settings, learned: LearnedState | None) -> Row:
    price = _price(arm, catalog)
    return Row(
        id=arm.id,
        provider=arm.provider,
        tier=arm.tier.value,
        input_price=None if price is None else price.input,
        output_price=None if price is None else price.output,
        key_set=arm.provider in settings.api_keys or (None if has_key(arm, settings) else False),
        baseline=arm.id == catalog.baseline.id,
        available=arm.id in {chosen.id for chosen in catalog.arms},
        observations=_count(learned, arm, Head.QUALITY),
        calls=_count(learned, arm, Head.AVAILABILITY),
    )


def _price(arm: Arm, catalog: Catalog) -> Price | None:
    if arm.price is not None:
        return arm.price
    try:
        return catalog.find(arm.id).price
    except UnknownPriceError:
        return None


def _count(learned: LearnedState | None, arm: Arm, head: Head) -> int | None:
    if learned is None:
        return None
    found = learned.statistics.get((arm.id, head.value))
    return found.count if found else 0


def _show(rows: Iterable[Row]) -> None:
    numbers = ("$/M in", "$/M out", "ratings", "calls")
    table = table_of("model", "provider", "tier", *numbers[:2], "key", *numbers[2:], right=numbers)
    for row in rows:
        table.add_row(
            f"{row.id} *" if row.baseline else row.id,
            row.provider,
            row.tier,
            _number(row.input_price),
            _number(row.output_price),
            {True: "yes", False: "no", None: "not needed"}[row.key_set],
            _number(row.observations),
            _number(row.calls),
            style=None if row.available else "dim",
        )
    say_table(table)
    say("* the baseline, which savings are measured against")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
