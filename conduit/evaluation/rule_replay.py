"""What another rule, or another trade-off, would have chosen on the logged contexts.

Every rule is given what was known at each decision: the logged means, deviations and counts. So
the answer is what that rule would have done *with the same knowledge*, not what it would have
learned had it been in charge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from conduit.bandits.estimates import Estimates
from conduit.bandits.policies import Policy
from conduit.bandits.rules import Situation
from conduit.bandits.utility import PRESETS, Valuation, Weights
from conduit.core.errors import InvalidInputError
from conduit.core.models import OptimizeFor
from conduit.evaluation.log_frame import LogFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOff:
    """How a replayed rule values quality, money and time.

    Args:
        optimize_for: the preset.
        unit_cost: USD of an ordinary call of the baseline, which a unit of the cost weight pays;
            ``engines.log_reading.ordinary_call`` gives the one that routing uses. None takes the
            mean estimated cost of the dearest arm, which also counts that arm's own verbosity.
        unit_latency: seconds of an ordinary call; None takes the geometric mean of the estimates.
    """

    optimize_for: OptimizeFor = OptimizeFor.BALANCED
    unit_cost: float | None = None
    unit_latency: float | None = None


def replayed(frame: LogFrame, policy: Policy, trade_off: TradeOff | None = None) -> Floats:
    """The probabilities (n, K) with which a policy would have chosen, in every logged situation.

    The constraints of each query hold for the policy too. Availability, a budget's price of money
    and preferred providers are not in the log and count for nothing.

    Args:
        frame: the log.
        policy: a rule with its floor.
        trade_off: quality against money against time; a policy's own weights override it.

    Raises:
        InvalidInputError: for a policy whose estimates the log does not hold.
    """
    _check_same_estimates(frame, policy)
    if policy.only is not None:
        return _always(frame, policy.only)
    valuation = _valuation(frame, policy, trade_off or TradeOff())
    target = np.zeros_like(frame.log.propensity)
    for row in range(len(target)):
        known = np.flatnonzero(frame.knowledge.known[row])
        target[row, known] = _probabilities(frame, row, known, policy, valuation=valuation)
    return target


def _always(frame: LogFrame, arm: str) -> Floats:
    target = np.zeros_like(frame.log.propensity)
    target[:, _column(frame, arm)] = 1.0
    return target


def _probabilities(
    frame: LogFrame, row: int, known: NDArray[np.intp], policy: Policy, *, valuation: Valuation
) -> Floats:
    estimates = _estimates(frame, row, known)
    offered = frame.knowledge.offered[row, known]
    mean, std = valuation.utility(estimates)
    situation = Situation(mean=mean, std=std, ratings=estimates.ratings, feasible=offered)
    lifted = policy.floor.apply(
        policy.rule.probabilities(situation),
        cost=estimates.cost,
        feasible=offered,
        budget=None,
    )
    return policy.trial.apply(
        lifted,
        cost=estimates.cost,
        ratings=estimates.ratings,
        feasible=offered,
        budget=None,
    )


def _estimates(frame: LogFrame, row: int, known: NDArray[np.intp]) -> Estimates:
    log, more = frame.log, frame.knowledge
    cost, latency = log.expected_cost[row, known], more.latency[row, known]
    count = more.observations[row, known]
    return Estimates(
        quality=log.expected_quality[row, known],
        quality_std=more.quality_std[row, known],
        availability=np.ones(len(known)),
        cost=cost,
        cost_high=cost,
        latency=latency,
        latency_high=latency,
        observations=count.astype(np.int64),
        ratings=count,
    )


def _valuation(frame: LogFrame, policy: Policy, trade_off: TradeOff) -> Valuation:
    unit, seconds = trade_off.unit_cost, trade_off.unit_latency
    return Valuation(
        weights=_weights(policy, trade_off),
        unit_cost=_dearest_cost(frame) if unit is None else unit,
        unit_latency=_typical_latency(frame) if seconds is None else seconds,
    )


def _dearest_cost(frame: LogFrame) -> float:
    known = frame.knowledge.known
    total = np.where(known, frame.log.expected_cost, 0.0).sum(axis=0)
    return float((total / np.maximum(known.sum(axis=0), 1)).max())


def _typical_latency(frame: LogFrame) -> float:
    latency = frame.knowledge.latency
    seconds = latency[np.isfinite(latency) & (latency > 0)]
    return float(np.exp(np.log(seconds).mean())) if len(seconds) else 1.0


def _weights(policy: Policy, trade_off: TradeOff) -> Weights:
    return PRESETS[trade_off.optimize_for] if policy.weights is None else policy.weights


def _column(frame: LogFrame, arm: str) -> int:
    if arm not in frame.log.arms:
        raise InvalidInputError(
            f"the log knows nothing of model {arm!r}",
            remedy=f"choose one of: {', '.join(frame.log.arms)}",
        )
    return frame.log.arms.index(arm)


def _check_same_estimates(frame: LogFrame, policy: Policy) -> None:
    if not policy.contextual and set(frame.policies) != {policy.name}:
        raise InvalidInputError(
            f"policy {policy.name!r} needs estimates of its own, which the log does not hold",
            remedy="choose a policy over the logged estimates: thompson, linucb, best, fixed:MODEL",
        )
