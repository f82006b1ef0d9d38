"""An aside: a model is asked something that answers no user. It is paid like any call, and not learned from."""

from __future__ import annotations

from contextlib import aclosing

from conduit.core.costs import CostKind
from conduit.core.outcomes import Execution, ModelReply
from conduit.engines.engine import Engine
from conduit.engines.errand import Errand
from conduit.engines.fallback import Served
from conduit.engines.job import Job


async def aside(engine: Engine, errand: Errand, *, kind: CostKind) -> ModelReply:
    """What a model says, whose cost is set aside before, and on record after, as of that kind.

    No decision is logged for it, so that nobody rates it, and what came of it teaches nothing but
    the circuit breakers.

    Args:
        engine: open.
        errand: what is asked, with the models that may be.
        kind: of the cost.

    Raises:
        AllModelsFailedError: when no model answered.
        BudgetExceededError: when an account has too little left.
        ReservationTimeoutError: when it has, but for calls under way.
    """
    decision = await engine.preview(errand)
    serving = engine.serving
    job = Job(
        query=errand.query,
        decision=decision,
        passage=serving.deciding.breakers.enter(decision.selected_model),
        arms={arm.id: arm for arm in engine.swapping.portfolio.arms},
        till=engine.money.till(errand.accounts, kind=kind),
        log=_unlogged,
    )
    async with aclosing(serving.executor.pieces(job)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Served):
                return piece.reply
    raise AssertionError("a job ends with who served or with an error")


async def _unlogged(execution: Execution, *, continues: bool, status: int | None) -> None:
    """What it did cost is on record; more is not kept."""
