"""``conduit demo``: the whole loop on real recorded prompts, without a key or a server."""

from __future__ import annotations

import asyncio
from typing import Annotated, TypeAlias

import typer

from conduit.cli.console import say_json
from conduit.cli.demo_picture import draw
from conduit.cli.demo_replay import DemoRequest, replay
from conduit.cli.demo_report import payload, say_report
from conduit.cli.logs import load_settings
from conduit.cli.options import Json, Optimize, PolicyName

Data: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Parquet file of recorded outcomes; default: the 1,785 prompts of paretobandit.",
    ),
]
Limit: TypeAlias = Annotated[
    int | None, typer.Option(metavar="N", help="Route this many prompts; default: all.")
]
Seed: TypeAlias = Annotated[
    int | None,
    typer.Option(metavar="S", help="Order of prompts and random draws; default: 0."),
]
Budget: TypeAlias = Annotated[
    float | None, typer.Option(metavar="USD", help="Spend per request to keep to on average.")
]
Target: TypeAlias = Annotated[
    float | None,
    typer.Option(metavar="0..1", help="Share of the best model's quality to keep at least spend."),
]
EncoderName: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="minilm (default), sentence-transformers, hashing or auto."),
]
DemoDatabase: TypeAlias = Annotated[
    str | None, typer.Option(metavar="PATH", help="SQLite file; default: one of the demo's own.")
]
Fresh: TypeAlias = Annotated[
    bool, typer.Option("--fresh", help="Forget what earlier runs of the demo learned.")
]
Queries: TypeAlias = Annotated[
    bool, typer.Option("--queries", help="Print where every prompt went and what it cost.")
]


def demo(
    *,
    data: Data = None,
    limit: Limit = None,
    seed: Seed = None,
    policy: PolicyName = None,
    optimize_for: Optimize = None,
    budget: Budget = None,
    quality_target: Target = None,
    encoder: EncoderName = None,
    database: DemoDatabase = None,
    fresh: Fresh = False,
    queries: Queries = False,
    json: Json = False,
) -> None:
    """Route recorded real prompts, learn from each, and show what that saved.

    Needs no key and calls no model: three models' recorded answers stand in for
    them. Everything else is the real engine: encode, estimate, choose, observe,
    learn, store. Every prompt is routed knowing only the ones before it.

      conduit demo
      conduit demo --budget 0.000235 --fresh
      conduit demo --quality-target 0.95 --fresh
      conduit demo --limit 20 --queries
      conduit demo --data my_outcomes.parquet --json

    Running it again goes on from what was learned (in_sample); --fresh starts over.

    With --json: one object with prompts, policy, quality, spend_usd, saved_usd,
    saved_pct, mixture_quality_at_same_spend, baselines, shares, observations,
    seconds, database, picture and in_sample. Qualities are means per prompt
    (0..1), spend and savings totals in USD, savings against the best model.
    """
    request = DemoRequest(
        data=data,
        limit=limit,
        seed=seed,
        policy=policy,
        optimize_for=optimize_for,
        budget=budget,
        quality_target=quality_target,
        encoder=encoder,
        database=database,
        fresh=fresh,
        queries=queries,
        json=json,
    )
    _show(request)


def _show(request: DemoRequest) -> None:
    run = asyncio.run(replay(request, load_settings()))
    picture = draw(run)
    if request.json:
        say_json(payload(run, picture))
    else:
        say_report(run, picture)
