"""``conduit warm-start``."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from conduit.bandits.warm_start import N_EFF
from conduit.cli.console import say, say_json, say_table, table_of
from conduit.cli.labelled_file import encoding_bar, matched
from conduit.cli.logs import load_settings
from conduit.cli.numbers import number
from conduit.cli.options import Database, Json
from conduit.cli.stores import store_of
from conduit.core.outcomes import Head
from conduit.datasets.files import load_outcomes
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines.configured import catalog_of
from conduit.engines.router import Router
from conduit.engines.warm_start import WarmStart
from conduit.engines.warm_start import warm_start as start

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
            help="Ratings that the file weighs at most, per model and quantity; inf for all.",
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
    arms, outcomes = matched(outcomes, catalog_of(settings))
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
        with encoding_bar(len(outcomes)) as progress:
            return await start(router, outcomes, n_eff=n_eff, progress=progress)
    finally:
        await router.aclose()


def _json(done: WarmStart, *, file: str, place: str) -> dict[str, Any]:
    return {
        "file": file,
        "digest": done.source.digest,
        "prompts": done.source.prompts,
        "n_eff": "all" if done.source.n_eff == math.inf else done.source.n_eff,
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
