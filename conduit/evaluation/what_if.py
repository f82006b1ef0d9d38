"""The question as people ask it: what would that policy have given instead of this one?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from conduit.bandits.policies import policy_named
from conduit.evaluation.log_frame import LogFrame
from conduit.evaluation.logged import Log, Outcome
from conduit.evaluation.off_policy import Answer, Estimate, Method, estimate, on_policy
from conduit.evaluation.rule_replay import replayed
from conduit.evaluation.support import Refusal
from conduit.evaluation.trade_off import TradeOff

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Answers: TypeAlias = Mapping[tuple[Outcome, Method], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a log says about a policy.

    Args:
        logged: per outcome, the mean of what happened.
        target: per outcome and method, what the policy would have given.
        difference: the policy minus the one it is compared with, estimated row by row.
        changed: share of decisions the policy would have made otherwise, on average.
    """

    logged: Mapping[Outcome, Answer]
    target: Answers
    difference: Answers
    changed: float

    @property
    def refusal(self) -> Refusal | None:
        """Why the log tells nothing of the policy; None where it tells something."""
        answers = list(self.target.values())
        if any(isinstance(answer, Estimate) for answer in answers):
            return None
        return next(answer for answer in answers if isinstance(answer, Refusal))


def compared(log: Log, target: Floats, *, against: Floats | None = None) -> Comparison:
    """Estimate a policy by every method, and its difference from another.

    Args:
        log: what happened.
        target: (n, K) the policy's probabilities.
        against: (n, K) of the policy it is compared with; None takes the logged one.

    Raises:
        InvalidInputError: for probabilities of another shape, or that are none.
    """
    other = log.propensity if against is None else against
    questions = [(outcome, method) for outcome in Outcome for method in Method]
    return Comparison(
        logged={outcome: on_policy(log, outcome) for outcome in Outcome},
        target={(o, m): estimate(log, target, outcome=o, method=m) for o, m in questions},
        difference={
            (o, m): estimate(log, target, outcome=o, method=m, against=other) for o, m in questions
        },
        changed=float(1 - np.minimum(target, other).sum(axis=1).mean()),
    )


def what_if(
    frame: LogFrame,
    policy: str,
    *,
    against: str | None = None,
    trade_off: TradeOff | None = None,
    tiers: Mapping[str, int] | None = None,
) -> Comparison:
    """What a named policy would have given on the logged contexts.

    Args:
        frame: the log.
        policy: a policy's name, as for routing.
        against: another name to compare with; None compares with what was logged.
        trade_off: what both policies value; None is what each decision was made with.
        tiers: rank of the class each model is sold in, for ``complexity``.

    Raises:
        UnknownPolicyError: for a name that is none.
        UnknownModelError: for ``fixed:`` with a model that the log does not know.
        InvalidInputError: for a policy that needs what the log does not hold.
    """
    names = [name for name in (policy, against) if name is not None]
    found = [policy_named(name, models=frame.log.arms) for name in names]
    target, *other = (replayed(frame, policy, trade_off, tiers=tiers) for policy in found)
    return compared(frame.log, target, against=other[0] if other else None)
