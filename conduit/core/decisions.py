"""What the router answers: features, estimates per arm, and the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueryFeatures:
    """What the router knows about a prompt, all of it from the text.

    Args:
        embedding: (encoder dim,) float32, unit norm; empty when read back from a log.
        context: (d,) float32, the vector that the bandit sees: bias, signals, projection.
        token_count: estimated tokens of the prompt.
        complexity_score: 0..1, from length and structure.
        domain: ``code``, ``mathematics``, ``multiple_choice`` or ``general``.
        domain_confidence: 0..1.
        difficulty: how hard the prompt is taken to be for a cheap model, 0..1; 0 when read back
            from a log.
        text: the prompt, where it is to be stored with the decision; None where it is not.
    """

    embedding: NDArray[np.float32]
    context: NDArray[np.float32]
    token_count: int
    complexity_score: float
    domain: str
    domain_confidence: float
    difficulty: float = 0.0
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmEstimate:
    """What the router expects of one arm for one prompt, before the call.

    Args:
        mean: expected quality, 0..1 by nature but not clipped.
        std: posterior standard deviation of that mean.
        cost: expected USD of the call.
        cost_high: the upper quantile of cost that limits and reservations use, USD.
        latency: expected seconds; None while no latency has been observed.
        observations: how many quality observations the arm has had.
    """

    mean: float
    std: float
    cost: float
    cost_high: float
    latency: float | None
    observations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRates:
    """What a decision traded quality, money and time at, so that other rules can be asked later.

    Args:
        unit_cost: USD that one unit of the cost weight paid.
        unit_latency: seconds that one unit of the latency weight paid.
        price_of_money: quality given up per USD, set by the pacer; 0 without one.
        budget: USD per request that the pacer kept; None without one.
        quality_weight: of the trade-off that the query asked for, whatever a policy with weights
            of its own made of it; None in logs from before weights were recorded.
        cost_weight: likewise; 0 where a goal priced money in its place.
        latency_weight: likewise.
    """

    unit_cost: float
    unit_latency: float
    price_of_money: float = 0.0
    budget: float | None = None
    quality_weight: float | None = None
    cost_weight: float | None = None
    latency_weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision:
    """Which model answers a query, and everything needed to judge that choice later.

    Args:
        id: unique; feedback refers to it.
        query_id: the query it was made for.
        user_id: whose query it was.
        selected_model: id of the chosen arm.
        confidence: probability that the chosen arm has the highest utility.
        probabilities: per arm, the propensity it was drawn with; sums to 1.
        estimates: per arm, what was expected before the call.
        features: what was seen of the prompt.
        reasoning: one readable sentence.
        fallback_chain: arms to try, in order, should the chosen one fail.
        constraints_relaxed: names of constraints that had to give way.
        policy: name of the policy that decided.
        layout: identity of the context layout (encoder, projection, signals).
        created_at: seconds since the epoch.
        attempt: 1, or more when decided again on a reduced set of arms.
        forced: the caller chose the model; no propensity can be learned from it.
        rates: what it was made at; None in logs from before they were recorded.
        ratings: per arm, what the evidence about its quality was worth, in ratings: some weigh less
            than one, and all may fade; empty in logs from before that was recorded.
        probes: per arm, the share of requests that a goal had asked it whatever the prompt; empty
            where none did.
    """

    id: str
    query_id: str
    user_id: str | None
    selected_model: str
    confidence: float
    probabilities: Mapping[str, float]
    estimates: Mapping[str, ArmEstimate]
    features: QueryFeatures
    reasoning: str
    fallback_chain: tuple[str, ...] = ()
    constraints_relaxed: tuple[str, ...] = ()
    policy: str
    layout: str
    created_at: float
    attempt: int = 1
    forced: bool = field(default=False)
    rates: ExchangeRates | None = None
    ratings: Mapping[str, float] = field(default_factory=dict)
    probes: Mapping[str, float] = field(default_factory=dict)

    @property
    def propensity(self) -> float:
        """Probability with which the chosen arm was drawn."""
        return self.probabilities[self.selected_model]
