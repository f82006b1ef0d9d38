"""Learned state over REST: read at one version, computed here, and put in its place by one call.

Where another was first, the call changes nothing and says so, and all is read and computed anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from conduit.core.errors import StoreError
from conduit.core.sharing import Folded
from conduit.core.statistics import Source, SufficientStatistics
from conduit.stores import sql_codec as codec
from conduit.stores.adjustments import AdjustmentKind
from conduit.stores.delta import StateKey, absorbed, check_layout, folded
from conduit.stores.sql_adjustments import adjustments_of, is_shifted
from conduit.stores.sql_learning import CHUNK, readable
from conduit.stores.sql_schema import adjustments, decisions, pending, sources
from conduit.stores.sql_state import being_rebuilt
from conduit.stores.supabase_rest import Rest, outbound, row_of
from conduit.stores.supabase_state import Known, known_of, learn, read_state

ATTEMPTS = 100
"""Times that a change is made anew because another was first."""

_TAKEN = (*pending.c, decisions.c.context, decisions.c.created_at, decisions.c.layout)
_SOURCE = [column for column in sources.c if column.name != "id"]


async def fold(rest: Rest, *, now: float, writer: str) -> Folded | None:
    """Fold the oldest pending rows; None when another changed learned state meanwhile.

    At most :data:`CHUNK` of them, and none while a rebuild is under way.
    """
    answer = await rest.call("conduit_pending", most=CHUNK)
    known = await asyncio.to_thread(known_of, answer)
    before = known.version
    if not answer["pending"] or known.is_leased(now):
        return Folded(before=before, after=before)
    new = await asyncio.to_thread(_with_pending, known, answer, now)
    ids = [row["id"] for row in answer["pending"]]
    if not await learn(rest, before, now=now, sums=new, folded=ids):
        return None
    foreign = sum(row["writer"] != writer for row in answer["pending"])
    return Folded(count=len(ids), foreign=foreign, before=before, after=before + 1)


async def fold_all(rest: Rest, *, now: Callable[[], float], writer: str, wait: bool) -> Folded:
    """Fold all that is pending; where ``wait`` is False, only until another does.

    Raises:
        StoreError: when others change learned state all the time.
    """
    total: Folded | None = None
    late = 0
    while late < ATTEMPTS:
        done = await fold(rest, now=now(), writer=writer)
        if done is not None:
            total = done if total is None else total + done
            if done.count < CHUNK:
                return total
        elif wait:
            late += 1
        else:
            version = (await rest.call("conduit_pulse"))["state"]
            return total or Folded(before=version, after=version)
    raise _busy(rest.place)


async def set_half_life(rest: Rest, half_life: float, *, now: float) -> bool:
    """Declare another half-life; False when another changed learned state meanwhile.

    Raises:
        StoreError: while a rebuild is under way.
    """
    known = await read_state(rest, [])
    if half_life == known.forgetting.half_life:
        return True
    if known.is_leased(now):
        raise being_rebuilt()
    return await learn(rest, known.version, now=now, new_half_life=half_life)


async def shift(
    rest: Rest, key: StateKey, by: float, *, at: float | None = None, now: float
) -> bool:
    """Add ``by`` to every target learned of one (arm, head); False when another was first."""
    known = await read_state(rest, [key[0]])
    if key not in known.sums or (at is not None and await _is_shifted(rest, key, by, at)):
        return True
    return await _adjust(
        rest,
        known,
        key,
        lambda sums: sums.shifted(by),
        _adjustment(key, AdjustmentKind.SHIFT, by, now if at is None else at),
    )


async def discount(rest: Rest, key: StateKey, worth: float, *, now: float) -> bool:
    """Let what was learned of one (arm, head) be worth so much; False when another was first."""
    known = await read_state(rest, [key[0]])
    if key not in known.sums or known.sums[key].weight <= worth:
        return True
    share = worth / known.sums[key].weight
    return await _adjust(
        rest,
        known,
        key,
        lambda sums: sums.scaled(share),
        _adjustment(key, AdjustmentKind.DISCOUNT, share, now),
    )


async def absorb(
    rest: Rest,
    statistics: Mapping[StateKey, SufficientStatistics],
    source: Source,
    *,
    layout: tuple[str, int],
    now: float,
) -> Source | bool:
    """Merge evidence; what was kept of its source if it is there; False when another was first.

    Raises:
        LayoutMismatchError: when the state was rebuilt in another layout than that of the evidence.
    """
    known = await read_state(rest, sorted({arm for arm, _ in statistics}))
    if known.layout is not None:
        check_layout(layout, (known.layout, known.dim))
    # Read after the state: a source that appears between the two has moved the version.
    for kept in await read_sources(rest):
        if kept.digest == source.digest:
            return kept
    rules: dict[str, Any] = {"source": source, "forgetting": known.forgetting}
    return await learn(
        rest,
        known.version,
        now=now,
        sums=absorbed(known.sums, statistics, **rules),
        base=absorbed(known.base, statistics, **rules),
        new_source=outbound(asdict(source)),
    )


async def read_sources(rest: Rest) -> tuple[Source, ...]:
    """What was absorbed, in that order."""
    rows = await rest.call("conduit_sources")
    return tuple(Source(**row_of(_SOURCE, row)._mapping) for row in rows)


async def until_first(step: Callable[[], Awaitable[Source | bool]], *, place: str) -> Source | bool:
    """Take a step again and again until nobody else was first; what it answered.

    Raises:
        StoreError: when that never happens.
    """
    for _ in range(ATTEMPTS):
        if done := await step():
            return done
    raise _busy(place)


def _busy(place: str) -> StoreError:
    return StoreError(
        f"the learned state at {place} is being changed by others all the time", remedy="try again"
    )


async def _is_shifted(rest: Rest, key: StateKey, by: float, at: float) -> bool:
    """Read after the state: a shift that arrives between the two has moved the version."""
    answer = await rest.call("conduit_pending", most=0)
    rows = (row_of(adjustments.c, row) for row in answer["adjustments"])
    return is_shifted(rows, key, by, at=at)


async def _adjust(
    rest: Rest,
    known: Known,
    key: StateKey,
    step: Callable[[SufficientStatistics], SufficientStatistics],
    adjustment: codec.Row,
) -> bool:
    return await learn(
        rest,
        known.version,
        now=adjustment["at"],
        sums={key: step(known.sums[key])},
        base={key: step(known.base[key])} if key in known.base else {},
        new_adjustment=adjustment,
    )


def _adjustment(key: StateKey, kind: AdjustmentKind, amount: float, now: float) -> codec.Row:
    """The row of ``adjustments``."""
    arm, head = key
    return {"arm": arm, "head": head, "kind": kind.value, "amount": float(amount), "at": now}


def _with_pending(
    known: Known, answer: Mapping[str, Any], now: float
) -> dict[StateKey, SufficientStatistics]:
    """The sums once pending rows are in them, as they count after what was done since."""
    taken = [row_of(_TAKEN, row) for row in answer["pending"]]
    done = adjustments_of(row_of(adjustments.c, row) for row in answer["adjustments"])
    entries = readable(taken, done, layout=known.layout)
    return folded(known.sums, entries, forgetting=known.forgetting, now=now)
