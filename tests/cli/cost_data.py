"""A database with costs and ratings, booked by the ledger and rated through the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from conduit.budgets.ledger import Ledger
from conduit.core.costs import CostKind, CostRecord
from conduit.core.outcomes import Head, Observation, Signal
from conduit.stores.sql import SQLStore
from tests.stores.builders import a_cost, a_decision

DAY = 86_400.0
NOVEMBER = 1_793_491_200.0
"""2026-11-01, 00:00 UTC."""


def write_costs(path: Path, *records: CostRecord, ratings: Sequence[Observation] = ()) -> Path:
    """Book costs; decisions that are rated are logged first."""
    asyncio.run(_write(path, records, ratings))
    return path


def some_costs() -> list[CostRecord]:
    """Three requests on three days: one with a failed call before its answer, one of nobody's."""
    mini, large = {"model": "gpt-4o-mini"}, {"model": "gpt-4o"}
    anna, first = {"user": "anna", "task_type": "chat"}, {"decision_id": "d1"}
    return [
        a_cost("a", 0.5, at=NOVEMBER, base_cost=2.0, input_tokens=7, **anna, **first, **mini),
        a_cost("b", 0.25, at=NOVEMBER, kind=CostKind.FAILED, **anna, **first, **large),
        a_cost("c", 1.0, at=NOVEMBER + DAY, base_cost=1.0, user="bob", decision_id="d2", **large),
        a_cost("d", 0.125, at=NOVEMBER + 3 * DAY, base_cost=0.5, decision_id="d3", **mini),
    ]


def rated(decision_id: str, arm: str, value: float) -> Observation:
    """What somebody said of an answer."""
    return Observation(
        decision_id=decision_id,
        arm=arm,
        signal=Signal.RATING,
        head=Head.QUALITY,
        value=value,
        observed_at=NOVEMBER,
    )


async def _write(path: Path, records: Sequence[CostRecord], ratings: Sequence[Observation]) -> None:
    store = SQLStore(path)
    await store.open()
    ledger = Ledger(store)
    for decision_id in dict.fromkeys(it.decision_id for it in ratings):
        await store.add_decision(replace(a_decision(), id=decision_id))
    await store.observe(ratings)
    await asyncio.gather(*(ledger.record_cost(record, soon=True) for record in records))
    await store.close()
