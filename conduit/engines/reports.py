"""Costs of calls that callers made themselves: they are said afterwards, and perhaps put right."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from conduit.core.arms import Arm
from conduit.core.outcomes import Change, Signal
from conduit.engines.deciding import expected_cost
from conduit.feedback.ratings import Feedback

if TYPE_CHECKING:
    from conduit.engines.engine import Engine


async def settle_reported(engine: Engine, changes: Iterable[Change], said: Feedback) -> None:
    """A cost that the caller paid and reports takes the place of the expected one.

    Said again otherwise, of another model too, it takes the place of what was said before. Of a
    call that was made here the ledger knows already.

    Args:
        engine: whose goal and ledger count it.
        changes: that the feedback has brought.
        said: the feedback.
    """
    for change in changes:
        seen, before = change.observation, change.previous
        if seen.signal is not Signal.COST:
            continue
        decision = await engine.learner.decision(seen.decision_id)
        made_here = await engine.observer.made_here(decision.id)
        if before is not None and made_here:
            continue
        known = None if made_here else await engine.money.said_before(decision.id)
        counted = expected_cost(decision) if before is None else math.exp(before)
        counted = counted if known is None else known.cost
        engine.decider.settle(expected=counted, actual=math.exp(seen.value))
        if said.cost is not None and not made_here:
            await engine.money.reported(
                decision,
                _served(engine, seen.arm if said.model or known is None else known.model),
                cost=said.cost,
                output_tokens=said.output_tokens,
                corrects=known is not None or before is not None,
            )


def _served(engine: Engine, name: str) -> Arm:
    """The model of that name, also where it is none of the models any more."""
    arms = {arm.id: arm for arm in engine.swapping.portfolio.arms}
    return arms.get(name) or Arm(id=name, provider="")
