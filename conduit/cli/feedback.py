"""``conduit feedback``."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import typer

from conduit.cli.console import say, say_json
from conduit.cli.logs import load_settings
from conduit.cli.numbers import number, whole_number
from conduit.cli.options import Database, Json
from conduit.cli.stores import existing_store
from conduit.core.errors import UnknownDecisionError
from conduit.core.outcomes import Change, Head
from conduit.engines.router import Router
from conduit.feedback.ratings import Feedback
from conduit.settings import Settings

_UNITS = {
    Head.LOG_TOKENS: "tokens",
    Head.LOG_COST: "USD",
    Head.LOG_LATENCY: "s",
}
"""Of the heads that are learned in logarithms; the others are shares of 1."""


DecisionId: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="DECISION_ID", help="As conduit run and conduit route print it."),
]
Rating: TypeAlias = Annotated[
    float | None,
    typer.Option("--rating", parser=number, metavar="1..5", help="Stars for the answer."),
]
QualityScore: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--quality-score", parser=number, metavar="0..1", help="Quality, in the place of stars."
    ),
]
MetExpectations: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--met-expectations/--not-met-expectations",
        help="Whether the answer did what was asked.",
        show_default=False,
    ),
]
Failed: TypeAlias = Annotated[
    bool | None,
    typer.Option("--error/--no-error", help="Whether your own call failed.", show_default=False),
]
Latency: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--latency", parser=number, metavar="SECONDS", help="How long your own call took."
    ),
]
Cost: TypeAlias = Annotated[
    float | None,
    typer.Option("--cost", parser=number, metavar="USD", help="What your own call cost."),
]
OutputTokens: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--output-tokens", parser=whole_number, metavar="N", help="Length of the answer you got."
    ),
]
Answered: TypeAlias = Annotated[
    str | None,
    typer.Option("--model", metavar="ID", help="Who answered, if not the model that was chosen."),
]


def feedback(
    decision_id: DecisionId,
    *,
    rating: Rating = None,
    quality_score: QualityScore = None,
    met_expectations: MetExpectations = None,
    error: Failed = None,
    latency: Latency = None,
    cost: Cost = None,
    output_tokens: OutputTokens = None,
    model: Answered = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Say how an answer was, so that the next decision is better.

    Give at least one value. The model that answered is credited. The same
    feedback again changes nothing; another rating replaces the earlier one.

      conduit feedback 0f3c… --rating 5
      conduit feedback 0f3c… --not-met-expectations
      conduit feedback 0f3c… --no-error --latency 1.2 --output-tokens 80

    The decision must be in the same database: the SQLite file in your data
    folder, unless --database, CONDUIT_DATABASE_PATH or DATABASE_URL names
    another place.

    With --json: decision_id, changed (false when all was known), and changes,
    each with model, signal, value and previous (seconds, USD, tokens or 0..1).
    """
    said = Feedback(
        rating=rating,
        quality_score=quality_score,
        met_expectations=met_expectations,
        error=error,
        latency=latency,
        cost=cost,
        output_tokens=output_tokens,
        model=model,
    )
    changes = asyncio.run(_tell(decision_id, said, load_settings(), database=database))
    if json:
        found = [_change_json(change) for change in changes]
        say_json({"decision_id": decision_id, "changed": bool(changes), "changes": found})
    else:
        _show(changes)


async def _tell(
    decision_id: str, said: Feedback, settings: Settings, *, database: str | None
) -> tuple[Change, ...]:
    store = existing_store(settings, database)
    if store is None:
        raise UnknownDecisionError(decision_id)
    router = Router(store=store, settings=settings)
    try:
        return await router.feedback(
            decision_id,
            rating=said.rating,
            quality_score=said.quality_score,
            met_expectations=said.met_expectations,
            error=said.error,
            latency=said.latency,
            cost=said.cost,
            output_tokens=said.output_tokens,
            model=said.model,
        )
    finally:
        await router.aclose()


def _show(changes: Sequence[Change]) -> None:
    if not changes:
        say("nothing changed: all of it was known already")
    for change in changes:
        shown = _change_json(change)
        unit = _UNITS.get(change.observation.head, "of 1")
        before = "" if shown["previous"] is None else f", before: {shown['previous']:g}"
        say(f"{shown['model']}: {shown['signal']} {shown['value']:g} {unit}{before}")


def _change_json(change: Change) -> dict[str, Any]:
    seen = change.observation
    return {
        "model": seen.arm,
        "signal": seen.signal.value,
        "value": _natural(seen.head, seen.value),
        "previous": None if change.previous is None else _natural(seen.head, change.previous),
    }


def _natural(head: Head, value: float) -> float:
    return float(f"{math.exp(value):.12g}") if head in _UNITS else value
