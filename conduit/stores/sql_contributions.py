"""Units of work that read what decisions of the log contributed to learned state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, bindparam, func, select

from conduit.core.forgetting import Forgetting
from conduit.core.statistics import SufficientStatistics
from conduit.stores.adjustments import Adjustments
from conduit.stores.delta import Pending, StateKey, folded
from conduit.stores.sql_codec import context_of
from conduit.stores.sql_schema import decisions, observations

PAGE = 200
"""Decisions read at once, a few hundred kilobytes; encoding as many prompts takes seconds."""

_COLUMNS = [decisions.c[name] for name in ("id", "created_at", "layout", "context", "text")]
_FIRST = select(*_COLUMNS).order_by(decisions.c.id).limit(PAGE)
_NEXT = _FIRST.where(decisions.c.id > bindparam("after"))
_SOME = select(*_COLUMNS).where(decisions.c.id.in_(bindparam("ids", expanding=True)))
_OBSERVED = select(observations).where(
    observations.c.decision_id.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Remembered:
    """A decision as far as learning needs it, with what was observed of it.

    Args:
        context: (d,) float32, of ``layout``.
        text: the prompt; None where it was not stored.
        observations: rows of ``observations``.
    """

    id: str
    created_at: float
    layout: str
    context: NDArray[np.float32]
    text: str | None
    observations: Sequence[Row[Any]]


def pages(conn: Connection) -> Iterator[list[Remembered]]:
    """All decisions by id, :data:`PAGE` at a time, as of one moment where ``conn`` sees one."""
    rows = conn.execute(_FIRST).all()
    while rows:
        yield _with_observations(conn, rows)
        rows = conn.execute(_NEXT, {"after": rows[-1].id}).all()


def remembered(conn: Connection, ids: Sequence[str]) -> list[Remembered]:
    """The decisions of some ids."""
    return _with_observations(conn, conn.execute(_SOME, {"ids": list(ids)}).all())


def count_decisions(conn: Connection) -> int:
    """Number of decisions in the log."""
    return conn.scalar(select(func.count()).select_from(decisions)) or 0


def contributions(
    state: dict[StateKey, SufficientStatistics],
    of: Sequence[Remembered],
    *,
    adjustments: Adjustments,
    forgetting: Forgetting,
    now: float,
) -> dict[StateKey, SufficientStatistics]:
    """The state with what decisions contribute to it, as adjusted since; a new mapping."""
    entries = (
        adjustments.applied(_entry(decision, row), era=row.era)
        for decision in of
        for row in decision.observations
    )
    counted = [entry for entry in entries if entry is not None]
    return state | folded(state, counted, forgetting=forgetting, now=now)


def _entry(decision: Remembered, row: Row[Any]) -> Pending:
    return Pending(
        arm=row.arm,
        head=row.head,
        context=decision.context,
        decided_at=decision.created_at,
        value=row.value,
        weight=row.weight,
        previous=None,
    )


def _with_observations(conn: Connection, rows: Sequence[Row[Any]]) -> list[Remembered]:
    observed: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in conn.execute(_OBSERVED, {"ids": [row.id for row in rows]}):
        observed[row.decision_id].append(row)
    return [
        Remembered(
            id=row.id,
            created_at=row.created_at,
            layout=row.layout,
            context=context_of(row.context),
            text=row.text,
            observations=observed[row.id],
        )
        for row in rows
    ]
