"""``conduit evaluate``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from conduit.catalog.baseline import dearest
from conduit.cli.console import say_json
from conduit.cli.evaluation_report import Question, payload, say_comparison
from conduit.cli.logs import load_settings
from conduit.cli.options import Database, Json, Optimize
from conduit.cli.stores import existing_store, store_of
from conduit.core.arms import Arm
from conduit.core.errors import InvalidInputError, UnknownModelError, UnknownPriceError
from conduit.core.models import OptimizeFor
from conduit.core.statistics import LearnedState
from conduit.engines.configured import catalog_of
from conduit.engines.log_reading import ordinary_call, read_log
from conduit.engines.simulator import recorded_arms
from conduit.evaluation.log_frame import LogFrame
from conduit.evaluation.trade_off import TradeOff
from conduit.evaluation.what_if import what_if
from conduit.settings import Settings


def evaluate(
    *,
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The policy in question: thompson, linucb, squarecb, epsilon_greedy, complexity, "
            "cheapest, best, random or fixed:MODEL.",
        ),
    ],
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Compare with this policy; default: what was logged."),
    ] = None,
    optimize_for: Optimize = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Say what another policy would have given, from what was logged.

    Every decision is logged with the probability it was drawn with. So the log
    of one policy tells, with honest intervals, what another one would have given
    on the same prompts, without trying it on anybody:

      conduit evaluate --policy cheapest
      conduit evaluate --policy thompson --optimize-for cost
      conduit evaluate --policy linucb --against random --json

    SNIPS weighs what happened; DR also uses what was expected beforehand, and is
    the one to quote where both are given. ESS is how many decisions of the
    policy's own the log is worth: below 50 the question is refused (exit code 1),
    as are policies that choose what the log could never have drawn. Forced and
    failed calls and fallbacks are left out and counted; unrated is not zero.

    Without --optimize-for every decision is made with the trade-off that it had
    when it was logged, which "logged" stands for in the answer.

    With --json: one object with policy, against, optimize_for, decisions,
    excluded, logged_policies, rated, priced, changed, logged, target and
    difference. docs/EVALUATION.md explains the figures and what they assume.
    """
    settings = load_settings()
    frame, state = asyncio.run(_read(settings, database))
    arms, baseline = _arms(frame.log.arms, settings)
    comparison = what_if(
        frame,
        policy,
        against=against,
        trade_off=replace(
            _in_units_of_now(state, arms, baseline),
            optimize_for=optimize_for,
            otherwise=OptimizeFor.named(settings.optimize_for),
        ),
        tiers={arm.id: arm.tier.rank for arm in arms},
    )
    if comparison.refusal is not None:
        raise comparison.refusal.error()
    question = Question(policy=policy, against=against, optimize_for=optimize_for)
    if json:
        say_json(payload(question, frame, comparison))
    else:
        say_comparison(question, frame, comparison)


async def _read(settings: Settings, database: str | None) -> tuple[LogFrame, LearnedState]:
    store = existing_store(settings, database)
    if store is None:
        raise InvalidInputError(
            f"there is no database at {store_of(settings, database).place}",
            remedy="route and rate some prompts first, or name another with --database",
        )
    await store.open()
    try:
        return await read_log(store), await store.load()
    finally:
        await store.close()


def _in_units_of_now(state: LearnedState, arms: Sequence[Arm], baseline: Arm) -> TradeOff:
    """In the units of routing now, where those of the time are not on record."""
    unit = ordinary_call(state, arms, baseline=baseline)
    return TradeOff() if unit is None else TradeOff(unit_cost=unit.cost, unit_latency=unit.latency)


def _arms(names: Sequence[str], settings: Settings) -> tuple[tuple[Arm, ...], Arm]:
    """The log's models and their baseline: of the catalogue, else recorded ones at list price."""
    catalog = catalog_of(settings)
    try:
        return tuple(catalog.find(name) for name in names), catalog.baseline
    except (UnknownModelError, UnknownPriceError):
        arms = recorded_arms(names)
    return arms, dearest(arms)
