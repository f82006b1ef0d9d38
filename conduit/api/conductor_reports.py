"""Conductor's ``/reports``: who spent how much."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, Field

from conduit.api.compatibility import compatible_routes
from conduit.api.gateway import opened
from conduit.budgets import spent
from conduit.budgets.spent import TOP, cost_report
from conduit.core.budgets import Period
from conduit.core.costs import MOST_RECORDS, CostTotal, GroupBy

routes = compatible_routes()


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

    @classmethod
    def of(cls, report: spent.CostReport) -> CostReport:
        """The same for programs."""
        return cls(
            period=report.period,
            since=report.since,
            group_by=report.group_by,
            total_cost_usd=report.total_cost_usd,
            total_saved_usd=report.total_saved_usd,
            total_requests=report.total_requests,
            breakdown={total.key or "": Share.of(total) for total in report.groups},
            top_spenders=[
                Spender(user_id=total.key or "", cost_usd=total.cost, requests=total.requests)
                for total in report.spenders
            ],
        )


@routes.get("/reports", summary="Conductor: who spent how much")
async def report(
    request: Request,
    group_by: Annotated[GroupBy, Query()] = GroupBy.USER,
    period: Annotated[Period, Query(description="total: since ever.")] = Period.DAILY,
) -> CostReport:
    """Sums of the period so far."""
    ledger = opened(request.scope).ledger
    return CostReport.of(await cost_report(ledger, group_by, period, now=time.time()))
