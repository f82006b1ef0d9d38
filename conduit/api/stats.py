"""``GET /v1/stats``: what has happened since the server was started."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request
from pydantic import BaseModel

from conduit.api.gateway import Opened, opened
from conduit.api.schemas import ERRORS

routes = APIRouter(prefix="/v1", tags=["Conduit"], responses=ERRORS)


class ModelStats(BaseModel):
    """What one model did."""

    answers: int
    attempts: int
    failures: int
    cost: float


class Stats(BaseModel):
    """What has happened since the server was started, in this process; money in USD."""

    started_at: float
    uptime: float
    decisions: int
    answers: int
    cached: int
    failures: int
    ratings: int
    cost: float
    baseline: str
    baseline_cost: float
    saved: float
    savings_percent: float
    budget_refusals: int
    reservation_timeouts: int
    models: dict[str, ModelStats]


@routes.get("/stats", summary="Answers, money and failures since the start")
async def stats(request: Request) -> Stats:
    """Totals of this process; ``/v1/models`` has prices, ``/metrics`` the same for Prometheus."""
    server = opened(request.scope)
    tally, refused = server.tally, server.money.tally
    saved = tally.base_cost - tally.cost
    return Stats(
        started_at=server.started_at,
        uptime=time.time() - server.started_at,
        decisions=tally.decided,
        answers=tally.completed,
        cached=tally.cached,
        failures=tally.failed,
        ratings=tally.ratings,
        cost=tally.cost,
        baseline=server.router.baseline.id,
        baseline_cost=tally.base_cost,
        saved=saved,
        savings_percent=100 * saved / tally.base_cost if tally.base_cost else 0.0,
        budget_refusals=refused.exceeded,
        reservation_timeouts=refused.timed_out,
        models=_models(server),
    )


def _models(server: Opened) -> dict[str, ModelStats]:
    tally = server.tally
    names = dict.fromkeys((*(arm.id for arm in server.router.arms), *tally.attempts))
    return {
        name: ModelStats(
            answers=tally.answers[name],
            attempts=tally.attempts[name],
            failures=tally.failures[name],
            cost=tally.spent.get(name, 0.0),
        )
        for name in names
    }
