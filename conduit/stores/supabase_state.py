"""Learned state over REST as of one moment, and the one call that puts another in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from conduit.core.forgetting import Forgetting
from conduit.core.statistics import SufficientStatistics
from conduit.stores import sql_codec as codec
from conduit.stores.delta import StateKey
from conduit.stores.sql_schema import arm_state, base_state, meta
from conduit.stores.supabase_rest import Rest, outbound, row_of

_NOTHING: codec.Row = {
    "folded": [],
    "new_adjustment": None,
    "new_source": None,
    "new_half_life": None,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """Learned state as of one moment.

    Args:
        version: grows with every change.
        layout: of its contexts; None where nobody declared one.
        dim: length of its contexts, likewise.
        forgetting: how fast it fades.
        lease_ends: until when a rebuild keeps it, in seconds since the epoch; None without one.
        sums: per (arm, head).
        base: what of them is not in the log; of the arms that were asked for by name.
    """

    version: int
    layout: str | None
    dim: int
    forgetting: Forgetting
    lease_ends: float | None
    sums: dict[StateKey, SufficientStatistics]
    base: dict[StateKey, SufficientStatistics]

    def is_leased(self, now: float) -> bool:
        """Whether a rebuild is under way, so that nothing may be folded."""
        return self.lease_ends is not None and self.lease_ends > now


async def read_state(rest: Rest, arms: Sequence[str] | None = None) -> Known:
    """The learned state of some arms, or of all."""
    return known_of(await rest.call("conduit_state", of_arms=arms))


async def learn(
    rest: Rest,
    expected: int,
    *,
    now: float,
    sums: Mapping[StateKey, SufficientStatistics] | None = None,
    base: Mapping[StateKey, SufficientStatistics] | None = None,
    **more: Any,
) -> bool:
    """Put sums in their place that were made from a version of learned state.

    Args:
        rest: the project.
        expected: that version.
        now: seconds since the epoch.
        sums: per (arm, head), those that change.
        base: likewise, of what is not in the log.
        more: ids of the pending rows that are in the sums (``folded``), and a row of
            ``new_adjustment`` or of ``new_source``, or ``new_half_life``.

    Returns:
        False when another was first, or rebuilds; nothing has changed then.
    """
    parts = outbound(_NOTHING | more | {"moment": now})
    done: bool = await rest.call(
        "conduit_learn",
        expected=expected,
        new_sums=_rows_of(sums or {}),
        new_base=_rows_of(base or {}),
        **parts,
    )
    return done


def _rows_of(state: Mapping[StateKey, SufficientStatistics]) -> list[codec.Row]:
    return [
        outbound({"arm": arm, "head": head} | codec.statistics_row(sums))
        for (arm, head), sums in sorted(state.items())
    ]


def known_of(answer: Mapping[str, Any]) -> Known:
    """Learned state as a function answers it."""
    row = row_of(meta.c, answer["meta"])
    return Known(
        version=row.version,
        layout=row.layout,
        dim=row.dim or 0,
        forgetting=Forgetting() if row.half_life is None else Forgetting(half_life=row.half_life),
        lease_ends=None if row.lease is None else row.lease_ends,
        sums=_state_of(arm_state, answer["sums"]),
        base=_state_of(base_state, answer.get("base", ())),
    )


def _state_of(
    table: Table, rows: Sequence[Mapping[str, Any]]
) -> dict[StateKey, SufficientStatistics]:
    found = (row_of(table.c, row) for row in rows)
    return {(row.arm, row.head): codec.statistics_of(row) for row in found}
