"""``conduit warm-start``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from conduit.bandits.warm_start import N_EFF
from conduit.catalog import Catalog
from conduit.cli.console import note, say, say_json, say_table, table_of
from conduit.cli.logs import load_settings
from conduit.cli.numbers import number
from conduit.cli.options import Database, Json
from conduit.cli.stores import store_of
from conduit.core.arms import Arm
from conduit.core.errors import InvalidInputError, UnknownModelError
from conduit.core.outcomes import Head
from conduit.datasets.files import load_outcomes
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines import labelled
from conduit.engines.router import Router
from conduit.engines.warm_start import WarmStart
from conduit.engines.warm_start import warm_start as start
from conduit.engines.wiring import catalog_of

_HEADS = {
    "quality": Head.QUALITY,
    "cost": Head.LOG_COST,
    "tokens": Head.LOG_TOKENS,
    "latency": Head.LOG_LATENCY,
}


def warm_start(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Labelled outcomes: Parquet or JSON lines.")
    ],
    *,
    n_eff: Annotated[
        float,
        typer.Option(
            "--n-eff",
            parser=number,
            metavar="N",
            help="Ratings that the file weighs at most, per model and quantity.",
        ),
    ] = N_EFF,
    database: Database = None,
    json: Json = False,
) -> None:
    """Learn from labelled outcomes before the first request.

    FILE has one row per prompt and model, and every prompt has a row for every
    model. Columns: query_id, query_text, model, quality (0..1) and cost_usd are
    needed; output_tokens, latency_s and others may be absent or empty. JSON
    lines have one object per row with the same names.

      conduit warm-start outcomes.parquet
      conduit warm-start outcomes.jsonl --n-eff 200 --database conduit.db
      conduit route "What is 2+2?" --database conduit.db

    Each row counts as one rating, up to N in all per model and quantity; your
    own ratings outweigh the file after about N of them. The same outcomes
    again change nothing, also from another file. Whatever cannot be used is
    an error that leaves the database as it was.

    With --json: file, digest, prompts, n_eff, changed (false when all was
    known), absorbed_at, evidence (ratings added per model and quantity),
    layout and database.
    """
    outcomes = load_outcomes(file)
    settings = load_settings()
    arms, outcomes = _matched(outcomes, catalog_of(settings))
    store = store_of(settings, database)
    # The policy does not matter here, and one from the settings may not suit these models.
    router = Router(arms, policy="thompson", store=store, settings=settings)
    done = asyncio.run(_start(router, outcomes, n_eff=n_eff))
    if json:
        say_json(_json(done, file=file, place=store.place))
    else:
        _show(done, place=store.place)


async def _start(router: Router, outcomes: RecordedOutcomes, *, n_eff: float) -> WarmStart:
    try:
        with _bar(len(outcomes)) as progress:
            return await start(router, outcomes, n_eff=n_eff, progress=progress)
    finally:
        await router.aclose()


def _matched(
    outcomes: RecordedOutcomes, catalog: Catalog
) -> tuple[Sequence[Arm], RecordedOutcomes]:
    """The models of the file and of the catalogue, and the outcomes under the models' own ids."""
    found: dict[str, Arm] = {}
    for name in outcomes.models:
        try:
            found[name] = catalog.find(name)
        except UnknownModelError:
            continue
    unknown = [name for name in outcomes.models if name not in found]
    if unknown:
        raise InvalidInputError(
            f"unknown models {', '.join(map(repr, unknown))}",
            remedy="name them as 'conduit models --all' does, or add them to models/registry.yaml",
        )
    ids = tuple(arm.id for arm in found.values())
    unused = sorted(set(ids) - {arm.id for arm in catalog.arms})
    if unused:
        note(f"warning: not chosen from by 'conduit route' as it is set up: {', '.join(unused)}")
    arms = {arm.id: arm for arm in (*catalog.arms, *found.values())}
    return tuple(arms.values()), replace(outcomes, models=ids)


@contextmanager
def _bar(prompts: int) -> Iterator[labelled.Progress]:
    """A bar on a terminal; elsewhere one line says that it has begun."""
    if not sys.stderr.isatty():
        yield _beginning(f"Encoding {prompts:,} prompts …")
        return
    columns = TextColumn("Encoding"), BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=prompts)
        yield lambda more: bar.advance(task, more)


def _beginning(text: str) -> labelled.Progress:
    """Notes the text the first time that it is told of progress."""
    told = False

    def progress(_: int) -> None:
        nonlocal told
        if not told:
            note(text)
        told = True

    return progress


def _json(done: WarmStart, *, file: str, place: str) -> dict[str, Any]:
    return {
        "file": file,
        "digest": done.source.digest,
        "prompts": done.source.prompts,
        "n_eff": done.source.n_eff,
        "changed": done.changed,
        "absorbed_at": done.source.absorbed_at,
        "evidence": {
            arm: {
                name: done.weights[arm, head]
                for name, head in _HEADS.items()
                if (arm, head) in done.weights
            }
            for arm, _ in done.weights
        },
        "layout": done.layout,
        "database": place,
    }


def _show(done: WarmStart, *, place: str) -> None:
    source = done.source
    if not done.changed:
        when = datetime.fromtimestamp(source.absorbed_at, UTC)
        say(f"nothing changed: {place} learned these outcomes on {when:%Y-%m-%d %H:%M} UTC")
        return
    say(
        f"learned from {source.prompts:,} labelled prompts, at most {source.n_eff:g} ratings each\n"
    )
    table = table_of("model", *_HEADS, right=tuple(_HEADS))
    for arm in dict.fromkeys(arm for arm, _ in done.weights):
        cells = [done.weights.get((arm, head)) for head in _HEADS.values()]
        table.add_row(arm, *("-" if cell is None else f"{cell:,.0f}" for cell in cells))
    say_table(table)
    say(f"\nratings' worth of evidence per model and quantity, in {place}")
