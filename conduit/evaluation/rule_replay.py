"""What another rule, or another trade-off, would have chosen on the logged contexts.

Every rule is given what was known at each decision: the logged means, deviations and counts, and
the exchange rates of the time. So the answer is what that rule would have done *with the same
knowledge*, not what it would have learned had it been in charge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from conduit.bandits.estimates import Estimates
from conduit.bandits.policies import Policy, policy_named
from conduit.bandits.rules import ComplexityThreshold, Situation, Uniform
from conduit.bandits.selection import lifted
from conduit.core.errors import InvalidInputError, UnknownModelError, UnknownPolicyError
from conduit.evaluation.log_frame import LogFrame
from conduit.evaluation.trade_off import TradeOff, Valuations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def replayed(
    frame: LogFrame,
    policy: Policy,
    trade_off: TradeOff | None = None,
    *,
    tiers: Mapping[str, int] | None = None,
) -> Floats:
    """The probabilities (n, K) with which a policy would have chosen, in every logged situation.

    The constraints of each query hold for the policy too. Availability and preferred providers are
    not in the log and count for nothing.

    Args:
        frame: the log.
        policy: a rule with its floor.
        trade_off: quality against money against time, None that of each decision; a policy's own
            weights override it.
        tiers: rank of the class that each arm is sold in; ``complexity`` needs them.

    Raises:
        InvalidInputError: for a policy that needs what the log does not hold: other estimates, how
            hard a prompt is, weights beside a price of money, or tiers that were not given.
    """
    _check_same_estimates(frame, policy)
    _check_judged(policy)
    if policy.only is not None:
        return _always(frame, policy.only)
    moments = _Moments(frame, policy, trade_off or TradeOff(), _ranks(frame, policy, tiers))
    target = np.zeros_like(frame.log.propensity)
    for row in range(len(target)):
        known = np.flatnonzero(frame.knowledge.known[row])
        target[row, known] = moments.probabilities(row, known)
    return target


class _Moments:
    """A policy in every logged situation."""

    def __init__(
        self, frame: LogFrame, policy: Policy, trade_off: TradeOff, ranks: NDArray[np.int64]
    ) -> None:
        self._frame, self._policy, self._ranks = frame, policy, ranks
        self._valuations = Valuations(frame, policy, trade_off)

    def probabilities(self, row: int, known: NDArray[np.intp]) -> Floats:
        """Of the arms that were known."""
        more, policy = self._frame.knowledge, self._policy
        estimates = _estimates(self._frame, row, known)
        offered, valuation = more.offered[row, known], self._valuations.at(row)
        mean, std = valuation.utility(estimates)
        situation = Situation(
            mean=mean,
            std=std,
            ratings=estimates.ratings,
            feasible=offered,
            unit=valuation.unit(estimates),
            cost=estimates.cost,
            tier=self._ranks[known],
            complexity=float(more.complexity[row]),
        )
        logged = float(more.rates.budget[row])
        budget = None if np.isnan(logged) else logged
        return lifted(
            policy.rule.probabilities(situation),
            situation,
            floor=policy.floor,
            trial=policy.trial,
            budget=budget,
            explore=self._probes(row, known),
        )

    def _probes(self, row: int, known: NDArray[np.intp]) -> Floats | None:
        """What a goal asked beside the rule; a policy without a floor is not made to."""
        probed = self._frame.knowledge.probed[row, known]
        return probed if self._policy.floor.epsilon > 0 and probed.any() else None


def _always(frame: LogFrame, arm: str) -> Floats:
    target = np.zeros_like(frame.log.propensity)
    target[:, _column(frame, arm)] = 1.0
    return target


def _estimates(frame: LogFrame, row: int, known: NDArray[np.intp]) -> Estimates:
    log, more = frame.log, frame.knowledge
    cost, latency = log.expected_cost[row, known], more.latency[row, known]
    return Estimates(
        quality=log.expected_quality[row, known],
        quality_std=more.quality_std[row, known],
        availability=np.ones(len(known)),
        cost=cost,
        cost_high=cost,
        latency=latency,
        latency_high=latency,
        observations=more.observations[row, known].astype(np.int64),
        ratings=more.ratings[row, known],
    )


def _ranks(frame: LogFrame, policy: Policy, tiers: Mapping[str, int] | None) -> NDArray[np.int64]:
    names = frame.log.arms
    missing = [name for name in names if name not in (tiers or {})]
    if missing and isinstance(policy.rule, ComplexityThreshold):
        raise InvalidInputError(
            f"policy {policy.name!r} needs the tier of {missing[0]!r}, which the log does not hold",
            remedy="give tiers for all models of the log",
        )
    return np.array([(tiers or {}).get(name, 0) for name in names], np.int64)


def _column(frame: LogFrame, arm: str) -> int:
    if arm not in frame.log.arms:
        raise InvalidInputError(
            f"the log knows nothing of model {arm!r}",
            remedy=f"choose one of: {', '.join(frame.log.arms)}",
        )
    return frame.log.arms.index(arm)


def _check_same_estimates(frame: LogFrame, policy: Policy) -> None:
    """Rules that judge quality must judge by estimates of their own kind."""
    indifferent = policy.weights is not None and not policy.weights.quality
    if policy.only is not None or isinstance(policy.rule, Uniform) or indifferent:
        return
    others = [name for name in frame.policies if _kind(frame, name) != _kind_of(policy)]
    if others:
        raise InvalidInputError(
            f"policy {policy.name!r} needs estimates of its own, and the log holds those of "
            f"{', '.join(map(repr, others))}",
            remedy="ask about a policy that sees what the logged one saw, cheapest, random or "
            "fixed:MODEL",
        )


def _check_judged(policy: Policy) -> None:
    if policy.unrated is not None:
        raise InvalidInputError(
            f"policy {policy.name!r} goes by how hard a prompt is until something is rated, which "
            "the log does not hold",
            remedy="ask about thompson, which it is from then on",
        )


def _kind(frame: LogFrame, name: str) -> str:
    try:
        return _kind_of(policy_named(name, models=frame.log.arms))
    except (UnknownPolicyError, UnknownModelError):
        return name


def _kind_of(policy: Policy) -> str:
    """Where a policy's estimates of quality come from."""
    if policy.neighbours:
        return "neighbours"
    return "context" if policy.contextual else "no context"
