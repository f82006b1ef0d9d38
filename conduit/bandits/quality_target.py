"""Least spend that keeps a share of the best model's quality: the dual of a budget."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from conduit.bandits.estimates import Estimates
from conduit.bandits.ledger import Ledger, undone
from conduit.bandits.propensity import largest_gaussian
from conduit.bandits.selection import Selection
from conduit.bandits.traffic import Traffic
from conduit.core.errors import InvalidInputError
from conduit.core.statistics import Array

STEP = 1.0
"""Largest change of the logarithm of the price by one request."""
LARGEST = 700.0
"""Larger exponents overflow."""
SPREAD = 0.5
"""Largest standard deviation of a number in 0..1: of one rating about an arm's mean quality."""
TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGains:
    """How the price of money reacts, and how the best arm is found.

    Args:
        integral: η, gain on the expected shortfall of a request.
        slack: least share of the best quality that counts as one unit of shortfall.
        most: upper bound of λ, in quality per call of the best arm.
        horizon: H, requests over which running means are taken.
        doubt: z, standard deviations that are hoped for.
        crowd: n₀, ratings after which an arm is believed half for itself, and half taken to be
            like the best arm that is known.
        probe: δ, largest share of requests that go to possible best arms whatever the prompt.
        purse: ρ, largest share of spending that these may cost.
        enough: n₁, ratings after which half of an arm's probes are left.
    """

    integral: float = 0.02
    slack: float = 0.02
    most: float = 1e4
    horizon: float = 500.0
    doubt: float = 0.35
    crowd: float = 20.0
    probe: float = 0.2
    purse: float = 0.2
    enough: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QualityTarget:
    """Minimise mean cost subject to mean quality ≥ τ times that of the best model.

    The Lagrangian of that programme is maximised by ``u_k = q_k − λ ĉ_k``, so all that is to be
    found is λ, the price of money. Both sides of the constraint are known at the decision,
    without delay: with k* the arm of highest mean hope ``h_k`` over the traffic of late, the
    shortfall of one request is

    ``e = (τ h_k* − Σ_k π_k q_k) / ((1 − τ) h̄_k*)``; ``log λ ← log λ − clip(η e, ±1)``,

    linear in place of logarithmic below λ₀, the price at which a whole call of k* is worth the
    slack (1 − τ) h̄_k*. So λ is the sum of all e: in the long run expected quality is τ times what
    is hoped of the best arm on the *same* prompts, and how hard they are cancels out. (Steps
    proportional to λ would not add up: noise would lower the price, and quality be overpaid.)
    Realised ratings come in through what is learned.

    Which arm is best, and how good it is, has to be found out with money that is to be saved.

    * **Hope**, ``h_k = q_k + z s_k + n₀/(n₀ + n_k) (q̄_b − q̄_k)``: an arm with few ratings is taken
      to be like b, the best arm that is known (largest ``q̄ − ½/√(n + 1)``). A lucky start then
      does not raise the target, nor an unlucky one end an arm.
    * **Probes**: arms are asked where they seem good, and are believed to be poor elsewhere. So
      each also gets ``δ P(its mean quality is the highest) n₁/(n₁ + n_k)`` of the requests,
      whatever the prompt, all of them for at most ρ of what is spent: top-two sampling (Russo
      2020) without a second draw. Where the best arm is so dear that ρ buys next to nothing, it
      stays little known; then what is hoped decides.

    A frozen value; every step returns the next one.

    Args:
        target: τ, above 0 and at most 1.
        gains: how the price reacts, and how the best arm is found.
        price_of_money: λ, quality given up per USD.
        traffic: running means; None before the first decision with a choice.

    Raises:
        InvalidInputError: for a target out of range.
    """

    target: float
    gains: TargetGains = field(default_factory=TargetGains)
    price_of_money: float = 0.0
    traffic: Traffic | None = None

    def __post_init__(self) -> None:
        if not 0 < self.target <= 1:
            raise InvalidInputError(
                f"quality_target={self.target} is out of range",
                remedy="give a share of the best model's quality, above 0 and at most 1",
            )

    @property
    def price(self) -> float:
        """λ, in quality per call of the dearest arm."""
        return 0.0 if self.traffic is None else self.price_of_money * float(self.traffic.cost.max())

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

    def spend(self, cost: float) -> Self:  # noqa: ARG002 - quality is what is kept
        """The same: quality is kept, whatever it costs."""
        return self

    def withdrawn(self, *, before: Self, after: Self) -> Self:
        """Without a decision that came to nothing; of running means only the latest can be taken back."""
        kept = self.adopting(undone(self.ledger(), before=before.ledger(), after=after.ledger()))
        return replace(kept, traffic=before.traffic) if self.traffic is after.traffic else kept

    def ledger(self) -> Ledger:
        """The price alone: running means are of the traffic that each process sees."""
        dearest = 1.0 if self.traffic is None else max(float(self.traffic.cost.max()), TINY)
        return Ledger(price=self.price_of_money, unit=self.gains.slack / dearest)

    def adopting(self, ledger: Ledger) -> Self:
        """With the price of all processes in the place of its own."""
        return replace(self, price_of_money=ledger.price)

    def explore(self, estimates: Estimates) -> Array | None:
        """(K,) share of requests that each arm is to get whatever the prompt."""
        known, gains = self._known(estimates), self.gains
        if known is None:
            return None
        best = largest_gaussian(known.quality, _spread(estimates))
        shares = gains.probe * best * gains.enough / (gains.enough + estimates.ratings)
        purse = gains.purse * known.spend / max(float(shares @ estimates.cost), TINY)
        return np.asarray(shares * min(purse, 1.0))

    def decided(self, estimates: Estimates, chosen: Selection) -> Self:
        """After a decision that stands; one without a choice changes nothing."""
        if chosen.feasible.sum() < 2:
            return self
        latest = self._expected(estimates, chosen)
        known = self._known(estimates)
        traffic = latest if known is None else known.then(latest, horizon=self.gains.horizon)
        best = int(np.where(chosen.feasible, traffic.hope, -1.0).argmax())
        obtained = float(chosen.probabilities @ latest.quality)
        short = self.target * float(latest.hope[best]) - obtained
        return replace(self._stepped(short, traffic, best), traffic=traffic)

    def _known(self, estimates: Estimates) -> Traffic | None:
        """What is known of these arms; nothing where they are others, however many."""
        known = self.traffic
        if known is None or len(known.cost) != len(estimates.cost) or known.arms != estimates.arms:
            return None
        return known

    def _expected(self, estimates: Estimates, chosen: Selection) -> Traffic:
        quality, known = np.clip(estimates.quality, 0.0, 1.0), self._known(estimates)
        alike: Array | float = 0.0
        if known is not None:
            leader = int((known.quality - _spread(estimates)).argmax())
            crowd = self.gains.crowd / (self.gains.crowd + estimates.ratings)
            alike = crowd * (known.quality[leader] - known.quality)
        hope = estimates.quality + self.gains.doubt * estimates.quality_std + alike
        return Traffic(
            hope=np.clip(hope, 0.0, 1.0),
            quality=quality,
            cost=estimates.cost,
            spend=float(chosen.probabilities @ estimates.cost),
            arms=estimates.arms,
        )

    def _stepped(self, short: float, traffic: Traffic, best: int) -> Self:
        """With the next price, after ``short`` of quality was expected to be missing."""
        gains, cost = self.gains, max(float(traffic.cost[best]), TINY)
        slack = max(1.0 - self.target, gains.slack) * max(float(traffic.hope[best]), TINY)
        first = slack / cost
        level = 0.0 if self.traffic is None else _level(self.price_of_money / first)
        level -= min(max(gains.integral * short / slack, -STEP), STEP)
        return replace(self, price_of_money=min(first * _price(level), gains.most / cost))


def _level(price: float) -> float:
    """Logarithm of a price above 1, linear below: the scale on which steps add up."""
    return math.log(price) if price > 1.0 else price - 1.0


def _price(level: float) -> float:
    return math.exp(min(level, LARGEST)) if level > 0.0 else max(1.0 + level, 0.0)


def _spread(estimates: Estimates) -> Array:
    """(K,) standard deviation of an arm's mean quality over all prompts, at most."""
    return np.asarray(SPREAD / np.sqrt(estimates.ratings + 1.0))
