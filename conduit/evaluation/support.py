"""Whether a log can answer a question about another policy, and if not, what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.errors import EvaluationRefusedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_SAMPLE = 50.0
"""Effective rows below which no figure is given. Simulated: from here on intervals keep 95%."""
UNREACHABLE = 1e-6
"""Propensities up to this count as none: weights of a million say nothing."""
MOST_UNSUPPORTED = 0.01
"""Largest share of the policy's choices that may have been out of the log's reach."""
MOST_LOST = 0.5
"""Largest share of a row's choices that may be: a row that loses more is left out."""
CERTAIN = 1 - 1e-9
"""A propensity from here on was no draw."""


class Reason(StrEnum):
    """Why a question is refused."""

    NO_OUTCOMES = "no_outcomes"
    NO_RANDOMNESS = "no_randomness"
    NO_SUPPORT = "no_support"
    SMALL_SAMPLE = "small_sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that the log cannot give.

    Args:
        reason: which rule refused.
        have: what the log offers: rows, effective rows, or a share.
        need: what the rule asks for, in the same unit.
        problem: what is missing, in words.
        remedy: what would help.
    """

    reason: Reason
    have: float
    need: float
    problem: str
    remedy: str

    def error(self) -> EvaluationRefusedError:
        """The same as an exception."""
        return EvaluationRefusedError(self.problem, remedy=self.remedy)


def effective_sample_size(propensity: Floats, target: Floats) -> float:
    """Rows of the policy's own that the log is worth: ``n²/Σ_i Σ_a π²/p``.

    From the known propensities and not from the arms drawn, so rare weights count although they
    did not occur. Between 0 and n; n where the two policies agree.

    Args:
        propensity: p (n, K).
        target: π (n, K), no mass where p is 0.
    """
    n = len(propensity)
    return float(n * n / squared_weights(propensity, target).sum()) if n else 0.0


def squared_weights(propensity: Floats, mass: Floats) -> Floats:
    """(n, K) expected squared weight ``m²/p`` of every arm, for a signed mass m (n, K)."""
    return np.divide(mass * mass, propensity, out=np.zeros_like(mass), where=propensity > 0)


def reachable(propensity: Floats, target: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """A policy without what the log could hardly have drawn, and the rows where enough is left.

    What is out of reach goes from the policy, whose other probabilities grow in proportion: which
    prompts count must not depend on arms that hardly matter. Taken together with the limit of
    :data:`MOST_UNSUPPORTED` on the whole, at most 2% of rows can be left out, and the answer is
    about a policy that differs from the one in question in at most 1% of all choices on the others.

    Args:
        propensity: p (n, K).
        target: π (n, K).

    Returns:
        (n, K) the policy within reach, each row summing to 1 where something is left; (n,) bool.
    """
    within = np.where(propensity > UNREACHABLE, target, 0.0)
    left = within.sum(axis=1)
    lost = target.sum(axis=1) - left
    # Exact where nothing was lost: a policy within reach is answered as it stands.
    scale = np.where((lost > 0) & (left > 0), 1 / np.where(left > 0, left, 1.0), 1.0)
    return within * scale[:, None], lost <= MOST_LOST


def refusal_of(propensity: Floats, target: Floats) -> Refusal | None:
    """Why the log cannot tell of a policy; None where it can.

    Args:
        propensity: p (n, K) of rows whose outcome is known.
        target: π (n, K).
    """
    n = len(propensity)
    few = few_outcomes(n)
    if few is not None:
        return few
    certain = propensity.max(axis=1) >= CERTAIN
    if certain.all() and not np.allclose(target, propensity):
        return _NO_RANDOMNESS
    missing = float(np.where(propensity <= UNREACHABLE, target, 0.0).sum() / n)
    if missing > MOST_UNSUPPORTED:
        return _no_support(missing)
    within, keep = reachable(propensity, target)
    size = effective_sample_size(propensity[keep], within[keep])
    return None if size >= LEAST_SAMPLE else small_sample(size, n)


def few_outcomes(n: int) -> Refusal | None:
    """The refusal of n known outcomes; None where they are enough."""
    if n >= LEAST_SAMPLE:
        return None
    return Refusal(
        reason=Reason.NO_OUTCOMES,
        have=n,
        need=LEAST_SAMPLE,
        problem=f"the outcome of {n} decisions is known, and {LEAST_SAMPLE:.0f} are needed",
        remedy="give more feedback",
    )


_NO_RANDOMNESS = Refusal(
    reason=Reason.NO_RANDOMNESS,
    have=0.0,
    need=1.0,
    problem="the log was made without chance: every model was chosen with probability 1",
    remedy="log with thompson, or another policy with a floor, to ask about other models",
)


def _no_support(missing: float) -> Refusal:
    return Refusal(
        reason=Reason.NO_SUPPORT,
        have=1 - missing,
        need=1 - MOST_UNSUPPORTED,
        problem=f"{missing:.1%} of the policy's choices could never have been drawn by the log "
        f"(at most {MOST_UNSUPPORTED:.0%} may)",
        remedy="ask about a policy over the models that were on offer",
    )


def small_sample(size: float, n: int) -> Refusal:
    """The refusal of n rows that are worth only ``size`` of the policy's own."""
    return Refusal(
        reason=Reason.SMALL_SAMPLE,
        have=size,
        need=LEAST_SAMPLE,
        problem=f"{n:,} decisions are worth only {size:.1f} of the policy's own, "
        f"and {LEAST_SAMPLE:.0f} are needed",
        remedy=f"log about {LEAST_SAMPLE / size:,.0f} times as many, or with a larger floor",
    )
