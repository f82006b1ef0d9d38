"""Least spend that keeps a share of the best model's quality: the dual of a budget."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from conduit.bandits.estimates import Estimates
from conduit.bandits.selection import Selection
from conduit.core.errors import InvalidInputError
from conduit.core.statistics import Array

STEP = 0.5
"""Largest relative change of the price of money by one request."""
TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGains:
    """How the price of money reacts.

    Args:
        integral: η, gain on the expected shortfall of a request.
        doubt: z, standard deviations of hope that are given to every arm when the best is sought.
        horizon: H, requests over which arms are averaged to find the best.
        slack: least share of the best quality that counts as one unit of shortfall.
        start: λ₀, first price and smallest step, in quality per call of the dearest arm.
        most: upper bound of λ, likewise.
    """

    integral: float = 0.02
    doubt: float = 0.5
    horizon: float = 500.0
    slack: float = 0.02
    start: float = 0.05
    most: float = 1e4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QualityTarget:
    """Minimise mean cost subject to mean quality ≥ τ times that of the best model.

    The Lagrangian of that programme is maximised by ``u_k = q_k − λ ĉ_k``, so all that is to be
    found is λ, the price of money. Both sides of the constraint are known at the decision,
    without delay: with k* the arm of highest mean hope ``h_k = min(q_k + z s_k, 1)`` over the
    traffic of late, the shortfall of one request is

    ``e = (τ h_k* − Σ_k π_k q_k) / ((1 − τ) h̄_k*)``; ``λ ← λ − max(λ, λ₀) clip(η e, ±½)``.

    λ sums up what e was, so in the long run expected quality is τ times what is hoped of the best
    arm on the *same* prompts: how hard they are cancels out. Hope takes the place of belief
    because an arm that is seldom asked is not known: after an unlucky start it would lower the
    target, and never be asked again. While doubt exceeds the slack the target cannot be met, λ
    goes to 0, and the rule explores as if money were no object; then hope and belief meet.

    A frozen value; every step returns the next one.

    Args:
        target: τ, above 0 and at most 1.
        gains: how the price reacts.
        price_of_money: λ, quality given up per USD.
        hope: (K,) running mean of h.
        unit: running mean of the dearest arm's expected cost, USD.
        decisions: number of decisions with a choice.

    Raises:
        InvalidInputError: for a target out of range.
    """

    target: float
    gains: TargetGains = TargetGains()
    price_of_money: float = 0.0
    hope: Array = field(default_factory=lambda: np.zeros(0))
    unit: float = TINY
    decisions: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.target <= 1:
            raise InvalidInputError(
                f"quality_target={self.target} is out of range",
                remedy="give a share of the best model's quality, above 0 and at most 1",
            )

    @property
    def price(self) -> float:
        """λ, in quality per call of the dearest arm."""
        return self.price_of_money * self.unit

    @property
    def headroom(self) -> float:
        """Infinite: no call is too dear for a target of quality."""
        return math.inf

    @property
    def budget(self) -> None:
        """None: nobody said what a request may cost."""
        return

    def at(self, now: float) -> Self:  # noqa: ARG002 - requests are what it counts, not seconds
        """The same: time does not matter."""
        return self

    def spend(self, cost: float) -> Self:  # noqa: ARG002 - quality is all
        """The same: quality is what is kept, whatever it costs."""
        return self

    def decided(self, estimates: Estimates, chosen: Selection) -> Self:
        """After a decision that stands; one without a choice changes nothing."""
        if chosen.feasible.sum() < 2:
            return self
        gains = self.gains
        quality = np.clip(estimates.quality, 0.0, 1.0)
        hope = np.clip(estimates.quality + gains.doubt * estimates.quality_std, 0.0, 1.0)
        known = self._averaged(hope, float(estimates.cost.max()))
        best = int(np.where(chosen.feasible, known.hope, -1.0).argmax())
        wanted = self.target * float(hope[best])
        short = (wanted - float(chosen.probabilities @ quality)) / known._slack(best)
        return known._stepped(min(max(gains.integral * short, -STEP), STEP))

    def _averaged(self, hope: Array, dearest: float) -> Self:
        """With one more request in the running means; other arms than before start them anew."""
        anew = len(self.hope) != len(hope)
        n = 1 if anew else self.decisions + 1
        share = max(1.0 / n, 1.0 / self.gains.horizon)
        mean = hope if anew else self.hope + share * (hope - self.hope)
        unit = dearest if anew else self.unit + share * (dearest - self.unit)
        return replace(self, hope=mean, unit=max(unit, TINY), decisions=n)

    def _slack(self, best: int) -> float:
        share = max(1.0 - self.target, self.gains.slack)
        return share * max(float(self.hope[best]), TINY)

    def _stepped(self, step: float) -> Self:
        least, most = self.gains.start / self.unit, self.gains.most / self.unit
        price = least if self.decisions == 1 else self.price_of_money
        price -= max(price, least) * step
        return replace(self, price_of_money=min(max(price, 0.0), most))
