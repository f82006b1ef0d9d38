"""Costs that were booked and are put right: where they count, and what their records then say."""

from __future__ import annotations

from dataclasses import replace

from conduit.core.costs import CostRecord
from conduit.core.spending import Line, Reservation, ReservationState


def counted_in(lines: tuple[Line, ...], record: CostRecord) -> Reservation:
    """Where a cost counts that nothing was set aside for: kept as of one that was, and settled."""
    return Reservation(
        id=record.id,
        amount=0.0,
        lines=lines,
        made_at=record.at,
        ends_at=record.at,
        state=ReservationState.SETTLED,
        cost=record.cost,
    )


def corrected(known: CostRecord, said: CostRecord, *, cost: float) -> CostRecord:
    """A record at another cost: whoever says it need not know whose it was, nor when."""
    if said.model != known.model:
        known = replace(known, model=said.model, provider=said.provider)
    tokens = known.output_tokens if said.output_tokens is None else said.output_tokens
    return replace(known, cost=cost, base_cost=said.base_cost, output_tokens=tokens)
