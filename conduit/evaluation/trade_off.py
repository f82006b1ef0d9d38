"""What a replayed policy values at each logged decision: weights, units and the price of money."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from conduit.bandits.policies import Policy
from conduit.bandits.rules import Uniform
from conduit.bandits.utility import PRESETS, Valuation, Weights
from conduit.core.errors import InvalidInputError
from conduit.core.models import OptimizeFor
from conduit.evaluation.knowledge import Rates
from conduit.evaluation.log_frame import LogFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOff:
    """How a replayed rule values quality, money and time.

    The units, and ``otherwise``, hold for decisions that have none on record: those that have are
    replayed with the exchange rates of their time.

    Args:
        optimize_for: the preset for all decisions; None leaves each the one that it was made with.
            Under a budget or a target of quality the price of money takes the place of its cost
            weight.
        otherwise: the preset of decisions that have no weights on record, where none is given.
        unit_cost: USD of an ordinary call of the baseline, which a unit of the cost weight pays;
            ``engines.log_reading.ordinary_call`` gives the one that routing uses. None takes the
            mean estimated cost of the dearest arm, which also counts that arm's own verbosity.
        unit_latency: seconds of an ordinary call; None takes the geometric mean of the estimates.
    """

    optimize_for: OptimizeFor | None = None
    otherwise: OptimizeFor = OptimizeFor.BALANCED
    unit_cost: float | None = None
    unit_latency: float | None = None


class Valuations:
    """What a policy values in every logged situation.

    Raises:
        InvalidInputError: for decisions of which it is not on record whether money was priced in
            place of the cost weight or besides it.
    """

    def __init__(self, frame: LogFrame, policy: Policy, trade_off: TradeOff) -> None:
        self._rates, self._trade_off, self._own = frame.knowledge.rates, trade_off, policy.weights
        unit, seconds = trade_off.unit_cost, trade_off.unit_latency
        self._otherwise = Valuation(
            weights=PRESETS[trade_off.optimize_for or trade_off.otherwise],
            unit_cost=_dearest_cost(frame) if unit is None else unit,
            unit_latency=_typical_latency(frame) if seconds is None else seconds,
        )
        if self._own is None and not isinstance(policy.rule, Uniform):
            _check_told(self._rates, policy)

    def at(self, row: int) -> Valuation:
        """At one decision."""
        rates, valuation = self._rates, replace(self._otherwise, weights=self._weights(row))
        if np.isnan(rates.unit_cost[row]):
            return valuation
        return replace(
            valuation,
            unit_cost=float(rates.unit_cost[row]),
            unit_latency=float(rates.unit_latency[row]),
            price_of_money=float(rates.price_of_money[row]),
        )

    def _weights(self, row: int) -> Weights:
        """The policy's own, else those asked for now, else those of the decision."""
        rates, preset = self._rates, self._otherwise.weights
        if self._own is not None:
            return self._own
        if np.isnan(rates.quality_weight[row]):
            return preset if np.isnan(rates.budget[row]) else preset.paced()
        made_with = Weights(
            quality=float(rates.quality_weight[row]),
            cost=float(rates.cost_weight[row]),
            latency=float(rates.latency_weight[row]),
        )
        if self._trade_off.optimize_for is None:
            return made_with
        return preset if made_with.cost else preset.paced()


def _check_told(rates: Rates, policy: Policy) -> None:
    """Without weights a price of money may be that of a target of quality, or of a hard budget."""
    doubtful = np.isnan(rates.quality_weight) & np.isnan(rates.budget) & (rates.price_of_money > 0)
    if doubtful.any():
        raise InvalidInputError(
            f"policy {policy.name!r} weighs money, and {int(doubtful.sum()):,} of "
            f"{len(doubtful):,} decisions have a price of money on record but not the weights "
            "beside it",
            remedy="ask about cheapest, best, random or fixed:MODEL, or purge decisions from "
            "before weights were recorded",
        )


def _dearest_cost(frame: LogFrame) -> float:
    known = frame.knowledge.known
    total = np.where(known, frame.log.expected_cost, 0.0).sum(axis=0)
    return float((total / np.maximum(known.sum(axis=0), 1)).max())


def _typical_latency(frame: LogFrame) -> float:
    latency: NDArray[np.float64] = frame.knowledge.latency
    seconds = latency[np.isfinite(latency) & (latency > 0)]
    return float(np.exp(np.log(seconds).mean())) if len(seconds) else 1.0
