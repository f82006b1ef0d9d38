"""The log over REST: what was decided, tried and observed, written all or none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from conduit.core.decisions import Decision
from conduit.core.errors import UnknownDecisionError
from conduit.core.log import LoggedDecision
from conduit.core.outcomes import Change, Execution, Head, Observation
from conduit.stores import sql_codec as codec
from conduit.stores.sql_adjustments import adjustments_of
from conduit.stores.sql_decisions import decision_of, decision_row
from conduit.stores.sql_schema import adjustments, decisions, executions, observations
from conduit.stores.supabase_rest import Rest, outbound, row_of

_UNKNOWN = 0
"""Era of a value that no call tells: any adjustment may have come since."""
PAGE = 100
"""Decisions that are read at once: some 300 kB with all that belongs to them."""


async def append(
    rest: Rest,
    new: Sequence[Decision],
    attempts: Sequence[Execution],
    *,
    bound: tuple[str, int] | None,
) -> frozenset[str]:
    """Log what is not logged yet; the ids of the decisions that were not.

    A layout that was ``bound`` is not compared with the database's, which may have been rebuilt in
    another one since.

    Raises:
        UnknownDecisionError: for an attempt of a decision that is neither logged nor given.
        LayoutMismatchError: for a decision whose context is of another layout.
    """
    first = {decision.id: decision for decision in reversed(new)}
    fresh = await rest.call(
        "conduit_append",
        new_decisions=[outbound(decision_row(decision)) for decision in first.values()],
        new_executions=[outbound(codec.execution_row(attempt)) for attempt in attempts],
        bound_layout=bound and bound[0],
        bound_dim=bound and bound[1],
    )
    return frozenset(fresh)


async def add_execution(rest: Rest, execution: Execution) -> None:
    """Log one attempt.

    Raises:
        UnknownDecisionError: when its decision does not exist.
    """
    row = outbound(codec.execution_row(execution))
    await rest.call("conduit_add_execution", new_execution=row)


async def read_decision(rest: Rest, decision_id: str) -> Decision:
    """Read a decision back.

    Raises:
        UnknownDecisionError: when there is none.
    """
    row = await rest.call("conduit_decision", decision_id=decision_id)
    if row is None:
        raise UnknownDecisionError(decision_id)
    return decision_of(row_of(decisions.c, row))


async def read_executions(rest: Rest, decision_id: str) -> tuple[Execution, ...]:
    """Attempts of a decision, in order."""
    rows = await rest.call("conduit_executions", decision_ids=[decision_id])
    return tuple(map(_execution_of, rows))


async def read_log(rest: Rest) -> AsyncIterator[LoggedDecision]:
    """Every decision by id with what followed it; each page is as of one moment."""
    last: str | None = None
    while page := _page_of(await rest.call("conduit_log", after_id=last, most=PAGE)):
        for logged in page:
            yield logged
        last = page[-1].decision.id


async def observe(rest: Rest, new: Sequence[Observation], *, writer: str) -> tuple[Change, ...]:
    """Keep observations with their pending rows, and say what they changed.

    Raises:
        UnknownDecisionError: when a decision does not exist.
    """
    rows = [outbound(codec.observation_row(observation)) for observation in new]
    changes = await rest.call("conduit_observe", new_observations=rows, new_writer=writer)
    in_order = sorted(changes, key=lambda change: change["position"])
    told = tuple(_change_of(new[it["position"]], it) for it in in_order)
    if all(change.previous is None for change in told):
        return told
    answer = await rest.call("conduit_pending", most=0)
    done = adjustments_of(row_of(adjustments.c, row) for row in answer["adjustments"])
    return tuple(done.marked(change, era=_UNKNOWN) for change in told)


def _change_of(observation: Observation, change: Mapping[str, Any]) -> Change:
    if change["previous"] is None:
        return Change(observation=observation)
    corrected = replace(observation, head=Head(change["head"]), weight=float(change["weight"]))
    return Change(observation=corrected, previous=float(change["previous"]))


def _execution_of(row: Mapping[str, Any]) -> Execution:
    return codec.execution_of(row_of(executions.c, row))


def _page_of(answer: Mapping[str, Any]) -> tuple[LoggedDecision, ...]:
    attempts: dict[str, list[Execution]] = defaultdict(list)
    for row in answer["executions"]:
        attempts[row["decision_id"]].append(_execution_of(row))
    seen: dict[str, list[Observation]] = defaultdict(list)
    for row in answer["observations"]:
        observation = codec.observation_of(row_of(observations.c, row))
        seen[observation.decision_id].append(observation)
    return tuple(
        LoggedDecision(
            decision=decision_of(row_of(decisions.c, row)),
            executions=tuple(attempts[row["id"]]),
            observations=tuple(seen[row["id"]]),
        )
        for row in answer["decisions"]
    )
