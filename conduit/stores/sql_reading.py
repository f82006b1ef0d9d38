"""Units of work that read the log back, a page at a time."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, bindparam, select

from conduit.core.log import LoggedDecision
from conduit.core.outcomes import Execution, Observation
from conduit.stores.sql_codec import execution_of, observation_of
from conduit.stores.sql_decisions import decision_of
from conduit.stores.sql_schema import decisions, executions, observations

PAGE = 500
"""Decisions read at once: about a megabyte with all that belongs to them."""

_FIRST = select(decisions).order_by(decisions.c.id).limit(PAGE)
_NEXT = _FIRST.where(decisions.c.id > bindparam("after"))
_EXECUTIONS = (
    select(executions)
    .where(executions.c.decision_id.in_(bindparam("ids", expanding=True)))
    .order_by(executions.c.attempt, executions.c.id)
)
_OBSERVATIONS = select(observations).where(
    observations.c.decision_id.in_(bindparam("ids", expanding=True))
)


def page(conn: Connection, *, after: str | None) -> tuple[LoggedDecision, ...]:
    """The next :data:`PAGE` decisions by id; empty at the end.

    Args:
        conn: a transaction that sees one moment of the database.
        after: id of the last decision already read; None begins.
    """
    rows = conn.execute(_FIRST if after is None else _NEXT, {"after": after}).all()
    ids: dict[str, Any] = {"ids": [row.id for row in rows]}
    attempts: dict[str, list[Execution]] = defaultdict(list)
    for row in conn.execute(_EXECUTIONS, ids):
        attempts[row.decision_id].append(execution_of(row))
    seen: dict[str, list[Observation]] = defaultdict(list)
    for row in conn.execute(_OBSERVATIONS, ids):
        seen[row.decision_id].append(observation_of(row))
    return tuple(
        LoggedDecision(
            decision=decision_of(row),
            executions=tuple(attempts[row.id]),
            observations=tuple(seen[row.id]),
        )
        for row in rows
    )
