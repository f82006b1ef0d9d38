"""Conductor's ``/reports``: who spent how much."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, Field

from conduit.api.compatibility import compatible_routes
from conduit.api.gateway import opened
from conduit.core.budgets import Period
from conduit.core.costs import MOST_RECORDS, CostFilter, CostTotal, GroupBy

routes = compatible_routes()
TOP = 10
"""Spenders that are named."""


class Share(BaseModel):
    """What one group did cost; in USD."""

    cost_usd: float
    saved_usd: float = Field(description="Against the baseline; negative where it cost more.")
    requests: int
    calls: int = Field(description="Of models: failed ones and fallbacks included.")
    prompt_tokens: int
    completion_tokens: int

    @classmethod
    def of(cls, total: CostTotal) -> Share:
        """The same for people."""
        return cls(
            cost_usd=total.cost,
            saved_usd=total.saved,
            requests=total.requests,
            calls=total.calls,
            prompt_tokens=total.input_tokens,
            completion_tokens=total.output_tokens,
        )


class Spender(BaseModel):
    """A user who spent a lot."""

    user_id: str
    cost_usd: float
    requests: int


class CostReport(BaseModel):
    """What was spent in the calendar period (UTC) that is now; in USD."""

    period: Period
    since: float = Field(description="Seconds since the epoch.")
    group_by: GroupBy
    total_cost_usd: float
    total_saved_usd: float
    total_requests: int
    breakdown: dict[str, Share] = Field(
        description=f"The {MOST_RECORDS} dearest groups; '' where nobody said."
    )
    top_spenders: list[Spender] = Field(description=f"The {TOP} dearest users.")


@routes.get("/reports", summary="Conductor: who spent how much")
async def report(
    request: Request,
    group_by: Annotated[GroupBy, Query()] = GroupBy.USER,
    period: Annotated[Period, Query(description="total: since ever.")] = Period.DAILY,
) -> CostReport:
    """Sums of the period so far."""
    ledger, since = opened(request.scope).ledger, period.starts(time.time())
    wanted = CostFilter(since=since)
    groups = await ledger.report(group_by, wanted)
    users = await ledger.report(GroupBy.USER, wanted, limit=TOP + 1)
    # A request has one key, but may have called several models: sums of requests over these hold.
    keys = await ledger.report(GroupBy.API_KEY, wanted)
    return CostReport(
        period=period,
        since=since,
        group_by=group_by,
        total_cost_usd=sum(total.cost for total in keys),
        total_saved_usd=sum(total.saved for total in keys),
        total_requests=sum(total.requests for total in keys),
        breakdown={total.key or "": Share.of(total) for total in groups},
        top_spenders=[
            Spender(user_id=total.key, cost_usd=total.cost, requests=total.requests)
            for total in users
            if total.key is not None
        ][:TOP],
    )
