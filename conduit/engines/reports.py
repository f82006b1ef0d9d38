"""Costs of calls that callers made themselves: they are said afterwards, and perhaps put right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from conduit.core.arms import Arm
from conduit.core.outcomes import Change, Signal
from conduit.engines.deciding import expected_cost
from conduit.feedback.ratings import Feedback

if TYPE_CHECKING:
    from conduit.engines.engine import Engine


async def settle_reported(
    engine: Engine, decision_id: str, said: Feedback, *, changes: Sequence[Change]
) -> None:
    """A cost that the caller paid and reports takes the place of the expected one.

    Said again otherwise, of another model too, it takes the place of what was said before. What has
    changed nothing is told to the ledger all the same, which books it once: the first time may have
    ended before it came to that. Of a call that was made here the ledger knows already.

    Args:
        engine: whose goal and ledger count it.
        decision_id: what the feedback is about.
        said: the feedback.
        changes: that the feedback has brought.
    """
    if said.cost is None:
        return
    decision = await engine.learner.decision(decision_id)
    made_here = await engine.observer.made_here(decision_id)
    known = None if made_here else await engine.money.said_before(decision_id)
    change = next((it for it in changes if it.observation.signal is Signal.COST), None)
    before = None if change is None else change.previous
    if change is not None and (before is None or not made_here):
        counted = expected_cost(decision) if before is None else math.exp(before)
        counted = counted if known is None else known.cost
        engine.decider.settle(expected=counted, actual=math.exp(change.observation.value))
    if made_here:
        return
    served = decision.selected_model if change is None else change.observation.arm
    await engine.money.reported(
        decision,
        _arm(engine, said.model or (served if known is None else known.model)),
        cost=said.cost,
        output_tokens=said.output_tokens,
        corrects=change is None or before is not None or known is not None,
    )


def _arm(engine: Engine, name: str) -> Arm:
    """The model of that name, also where it is none of the models any more."""
    arms = {arm.id: arm for arm in engine.swapping.portfolio.arms}
    return arms.get(name) or Arm(id=name, provider="")
