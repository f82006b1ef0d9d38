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

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from conduit.bandits.neighbours import LARGEST_VARIANCE
from conduit.core.errors import InvalidInputError
from conduit.evaluation.intervals import Spread, ratio_interval, spread_of
from conduit.evaluation.known_variance import Draws, known_squares
from conduit.evaluation.logged import Log, Outcome, check_probabilities, picked
from conduit.evaluation.support import (
    UNREACHABLE,
    Refusal,
    effective_sample_size,
    few_outcomes,
    reachable,
    refusal_of,
    small_sample,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


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
    """The rows that a question is answered from: outcome known, policies within reach."""

    propensity: Floats
    chosen: NDArray[np.intp]
    observed: Floats
    expected: Floats
    target: Floats
    against: Floats | None
    imagined: float

    def weights(self, policy: Floats) -> Floats:
        return picked(policy, self.chosen) / picked(self.propensity, self.chosen)

    @property
    def mass(self) -> Floats:
        return self.target if self.against is None else self.target - self.against

    def known_squares(self, residual: Floats, *, expected: Floats | None = None) -> float:
        draws = Draws(propensity=self.propensity, mass=self.mass, chosen=self.chosen)
        return known_squares(draws, residual, imagined=self.imagined, expected=expected)

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
        target: (n, K) the policy's probabilities on the logged contexts. What the log could hardly
            have drawn, at most 1% of all, is left out of it: :func:`reachable`.
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
    within, enough = zip(*(reachable(log.propensity, policy) for policy in policies), strict=True)
    rows = _rows(log, outcome, list(within), keep=np.logical_and.reduce([known, *enough]))
    return _dr(rows, outcome) if method is Method.DR else _snips(rows)


def on_policy(log: Log, outcome: Outcome = Outcome.QUALITY) -> Answer:
    """What the logged policy gave: the plain mean of what was observed, with its interval.

    Every known outcome counts, however unlikely it was: nothing has to stand in for anything.
    """
    known = np.isfinite(log.observed(outcome))
    few = few_outcomes(int(known.sum()))
    return _snips(_rows(log, outcome, [log.propensity], keep=known)) if few is None else few


def _rows(
    log: Log, outcome: Outcome, policies: Sequence[Floats], *, keep: NDArray[np.bool_]
) -> _Rows:
    """What is kept of a log, for one policy or the difference of two."""
    target, *against = (policy[keep] for policy in policies)
    return _Rows(
        propensity=log.propensity[keep],
        chosen=log.chosen[keep],
        observed=log.observed(outcome)[keep],
        expected=log.expected(outcome)[keep],
        target=target,
        against=against[0] if against else None,
        imagined=LARGEST_VARIANCE if outcome is Outcome.QUALITY else 0.0,
    )


def _dr(rows: _Rows, outcome: Outcome) -> Estimate:
    weights = rows.weights(rows.mass)
    residual = rows.observed - picked(rows.expected, rows.chosen)
    correction = weights * residual
    value = float((rows.mass * rows.expected).sum(axis=1).mean() + correction.mean())
    proportional = rows.expected if outcome is Outcome.SPEND else None
    known = rows.known_squares(residual, expected=proportional)
    spread = _spread(rows, correction - correction.mean(), known)
    return _symmetric(rows, value, spread)


def _snips(rows: _Rows) -> Answer:
    if rows.against is not None:
        return _snips_difference(rows, rows.against)
    value, influence = _normalised(rows, rows.target)
    weights = rows.weights(rows.target)
    known = rows.known_squares(rows.observed - value) / float(weights.mean()) ** 2
    spread = _spread(rows, influence, known)
    ends = ratio_interval(weights, rows.observed, spread)
    if ends is None:
        drawn = float(weights.sum() ** 2 / (weights @ weights))
        return small_sample(drawn, len(weights))
    return _estimate(rows, value, ends, spread)


def _snips_difference(rows: _Rows, against: Floats) -> Estimate:
    value, influence = _normalised(rows, rows.target)
    other, its_influence = _normalised(rows, against)
    # An arm's residuals are from the mean of the policy that takes it, or in between.
    ours, theirs = rows.target.sum(axis=0), against.sum(axis=0)
    centre = (ours * value + theirs * other) / np.maximum(ours + theirs, UNREACHABLE)
    known = rows.known_squares(rows.observed - centre[rows.chosen])
    return _symmetric(rows, value - other, _spread(rows, influence - its_influence, known))


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


def _spread(rows: _Rows, influence: Floats, known: float) -> Spread:
    foreseen = (rows.mass * rows.expected).sum(axis=1)
    return spread_of(influence, known_squares=known, foreseen=foreseen)


def _symmetric(rows: _Rows, value: float, spread: Spread) -> Estimate:
    ends = (value - spread.half_width, value + spread.half_width)
    return _estimate(rows, value, ends, spread)


def _estimate(rows: _Rows, value: float, ends: tuple[float, float], spread: Spread) -> Estimate:
    return Estimate(
        value=value,
        low=ends[0],
        high=ends[1],
        standard_error=spread.standard_error,
        effective=rows.effective,
        rows=len(rows.observed),
    )


def _check_policy(log: Log, policy: Floats) -> None:
    if policy.shape != log.propensity.shape:
        raise InvalidInputError(
            f"the policy has shape {policy.shape}, not {log.propensity.shape}",
            remedy="give one probability per row of the log and arm",
        )
    check_probabilities("the policy", policy)
