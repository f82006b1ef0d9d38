"""Off-policy estimators: what another policy would have given on the logged contexts.

Estimand: the average over the logged contexts of ``Σ_a π(a|x) E[outcome | x, a]``, over the rows
whose outcome is known. Whether a row was rated is taken not to depend on the arm: the propensity
of being rated is not modelled.

- **SNIPS**, self-normalised inverse propensities: ``Σ wR / Σ w`` with ``w = π(A|x)/p(A|x)``.
- **DR**, doubly robust: ``mean of Σ_a π(a|x) m(x,a) + w (R − m(x,A))`` with the estimate m that was
  logged before the decision. Unbiased whatever m is, as the propensities are exact; the better m,
  the shorter its interval.

Both estimators are written as a difference of two policies, so that what two policies have in
common costs no precision; a single policy is the difference from nothing.

References: Swaminathan & Joachims (2015); Dudík, Langford & Li (2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from conduit.core.errors import InvalidInputError
from conduit.evaluation.intervals import spread_of
from conduit.evaluation.logged import Log, Outcome, check_probabilities, picked
from conduit.evaluation.support import (
    Refusal,
    effective_sample_size,
    refusal_of,
    squared_weights,
    supported_rows,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


ENOUGH_DRAWS = 10
"""Draws from which an arm's own residuals say how large they are."""


class Method(StrEnum):
    """How the log is weighted."""

    SNIPS = "snips"
    DR = "dr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure per request, with its 95% interval.

    Args:
        value: quality in 0..1 or spend in USD; DR may leave the range by chance.
        low: lower end of the interval, not cut to the range.
        high: upper end.
        standard_error: in the same unit.
        effective: effective sample size, the smaller one where two policies are compared.
        rows: decisions it was computed from.
    """

    value: float
    low: float
    high: float
    standard_error: float
    effective: float
    rows: int


Answer: TypeAlias = Estimate | Refusal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """The rows that a question is answered from: outcome known, everything within reach."""

    propensity: Floats
    chosen: NDArray[np.intp]
    observed: Floats
    expected: Floats
    target: Floats
    against: Floats | None

    def weights(self, policy: Floats) -> Floats:
        return picked(policy, self.chosen) / picked(self.propensity, self.chosen)

    @property
    def mass(self) -> Floats:
        return self.target if self.against is None else self.target - self.against

    @property
    def effective(self) -> float:
        policies = [self.target] if self.against is None else [self.target, self.against]
        return min(effective_sample_size(self.propensity, policy) for policy in policies)


def estimate(
    log: Log,
    target: Floats,
    *,
    outcome: Outcome = Outcome.QUALITY,
    method: Method = Method.DR,
    against: Floats | None = None,
) -> Answer:
    """What a policy would have given, or by how much it differs from another.

    Args:
        log: what happened.
        target: (n, K) the policy's probabilities on the logged contexts.
        outcome: quality or spend.
        method: DR or SNIPS.
        against: (n, K) of another policy, ``log.propensity`` for the logged one: the answer is
            then target minus against, its interval that of the difference.

    Returns:
        The estimate, or why there is none.

    Raises:
        InvalidInputError: for probabilities of another shape, or that are none, and for a log
            that contradicts its own propensities.
    """
    policies = [target] if against is None else [target, against]
    for policy in policies:
        _check_policy(log, policy)
    known = np.isfinite(log.observed(outcome))
    for policy in policies:
        refusal = refusal_of(log.propensity[known], policy[known])
        if refusal is not None:
            return refusal
    keep = known.copy()
    for policy in policies:
        keep &= supported_rows(log.propensity, policy)
    rows = _Rows(
        propensity=log.propensity[keep],
        chosen=log.chosen[keep],
        observed=log.observed(outcome)[keep],
        expected=log.expected(outcome)[keep],
        target=target[keep],
        against=None if against is None else against[keep],
    )
    return _dr(rows) if method is Method.DR else _snips(rows)


def on_policy(log: Log, outcome: Outcome = Outcome.QUALITY) -> Answer:
    """What the logged policy gave: the plain mean of what was observed, with its interval."""
    return estimate(log, log.propensity, outcome=outcome, method=Method.SNIPS)


def _dr(rows: _Rows) -> Estimate:
    weights = rows.weights(rows.mass)
    residual = rows.observed - picked(rows.expected, rows.chosen)
    correction = weights * residual
    value = float((rows.mass * rows.expected).sum(axis=1).mean() + correction.mean())
    return _answer(rows, value, correction - correction.mean(), weights, residual)


def _snips(rows: _Rows) -> Estimate:
    value, influence = _normalised(rows, rows.target)
    centre = value
    if rows.against is not None:
        other, its_influence = _normalised(rows, rows.against)
        centre = (value + other) / 2
        value, influence = value - other, influence - its_influence
    return _answer(rows, value, influence, rows.weights(rows.mass), rows.observed - centre)


def _normalised(rows: _Rows, policy: Floats) -> tuple[float, Floats]:
    weights = rows.weights(policy)
    total = float(weights.sum())
    if total <= 0:
        # An effective sample of 50 means 50 expected draws: with true propensities, e⁻⁵⁰.
        raise InvalidInputError(
            "the policy's arms were never drawn, against the logged propensities",
            remedy="check that they are those the arms were drawn with",
        )
    value = float(weights @ rows.observed) / total
    return value, weights * (rows.observed - value) * (len(weights) / total)


def _answer(
    rows: _Rows, value: float, influence: Floats, weights: Floats, residual: Floats
) -> Estimate:
    spread = spread_of(
        influence,
        known_squares=_known_squares(rows, np.abs(weights), residual * residual),
        foreseen=(rows.mass * rows.expected).sum(axis=1),
    )
    return Estimate(
        value=value,
        low=value - spread.half_width,
        high=value + spread.half_width,
        standard_error=spread.standard_error,
        effective=rows.effective,
        rows=len(influence),
    )


def _known_squares(rows: _Rows, size: Floats, squares: Floats) -> float:
    """Expected ``Σ w² r²`` over all that might have been drawn, not only what was.

    The squared residual r² of an arm is taken to be the same in every context: its average over
    the arm's draws as the policy weighs them, or over all arms where it was drawn too rarely.
    """
    arms = rows.propensity.shape[1]
    drawn = np.bincount(rows.chosen, size > 0, minlength=arms)
    total = np.bincount(rows.chosen, size, minlength=arms)
    weighted = np.bincount(rows.chosen, size * squares, minlength=arms)
    pooled = weighted.sum() / total.sum() if total.any() else 0.0
    own = np.divide(weighted, total, out=np.full(arms, pooled), where=drawn >= ENOUGH_DRAWS)
    return float(squared_weights(rows.propensity, rows.mass).sum(axis=0) @ own)


def _check_policy(log: Log, policy: Floats) -> None:
    if policy.shape != log.propensity.shape:
        raise InvalidInputError(
            f"the policy has shape {policy.shape}, not {log.propensity.shape}",
            remedy="give one probability per row of the log and arm",
        )
    check_probabilities("the policy", policy)
