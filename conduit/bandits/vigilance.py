"""Noticing that an arm is no longer what it was."""

from __future__ import annotations

import math
from dataclasses import dataclass

from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Head
from conduit.core.statistics import Array, SufficientStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class Vigilance:
    """When outcomes contradict what was learned of an arm, and what is left of that then.

    Two cumulative sums of standardised prediction errors per arm, cut at ±c:
    ``z = (y − m)/√(σ_k²/w + s²)``, ``g⁺ ← max(0, g⁺ + z − κ)``, ``g⁻ ← max(0, g⁻ − z − κ)``. When one of
    them passes h, the arm has changed: its evidence is scaled down to a few ratings, and it is
    learned anew, better or worse. Forgetting by age alone must choose between a memory too short to
    know much and one too long to notice.

    A shift of δ standard deviations is noticed after about ``h/(δ − κ)`` observations. With Gaussian
    errors and no change, the mean time between false alarms is about ``(e^u − 1 − u)/(4κ²)``,
    ``u = 2κ(h + 1.17)`` (Siegmund 1985): ten million observations of an arm with the defaults. A model
    that is merely inexact raises no alarm, since σ_k is the arm's own error.

    Args:
        threshold: h, in standard deviations; infinite never asks.
        slack: κ, shifts up to twice this are not worth noticing; above 0.
        clip: c, above κ; how much one outcome can say.
        least: ratings below which an arm is too new to have changed.
        kept: ratings that the evidence from before a change is worth afterwards, at most ``least``.

    Raises:
        InvalidInputError: for numbers outside these bounds.

    Reference: Page (1954), *Continuous Inspection Schemes*; with bandits, Liu, Lee and Shroff (2018),
    *A Change-Detection Based Framework for Piecewise-Stationary Multi-Armed Bandits*.
    """

    threshold: float = 15.0
    slack: float = 0.5
    clip: float = 3.0
    least: float = 20.0
    kept: float = 5.0

    def __post_init__(self) -> None:
        bounds = {
            "threshold": self.threshold > 0,
            "slack": self.slack > 0,
            "clip": self.clip > self.slack,
            "kept": 0 < self.kept <= self.least,
        }
        for name, holds in bounds.items():
            if not holds:
                raise InvalidInputError(
                    f"vigilance cannot have {name} {getattr(self, name)}",
                    remedy="threshold, slack and kept are above 0, clip above slack, kept at most least",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """What was learned of one head of one arm, and is so no more.

    Args:
        arm: id of the arm.
        head: what was learned.
        worth: ratings that it is to be worth from now on.
    """

    arm: str
    head: Head
    worth: float


class Watch:
    """The cumulative sums of K arms, over what this process has seen.

    Where several share a store each has a watch of its own, which goes on when what others have
    learned is taken up; whoever notices first discounts the arm for all.

    Args:
        vigilance: when they raise an alarm.
        arms: K.

    Attributes:
        scales: (K,) σ_k, to be kept current by whoever knows them.
        alarms: indices of arms that have changed and were not settled yet.
    """

    def __init__(self, vigilance: Vigilance, arms: int) -> None:
        self.vigilance = vigilance
        self.scales = [1.0] * arms
        self.alarms: set[int] = set()
        self._up = [0.0] * arms
        self._down = [0.0] * arms

    def see(self, arm: int, error: float, *, std: float, weight: float) -> None:
        """Take in a prediction error of one arm.

        Args:
            arm: index of the arm.
            error: how far the outcome was from what was expected.
            std: s, standard deviation of that expectation.
            weight: w, of the outcome, in ratings above 0.
        """
        v = self.vigilance
        z = error / math.hypot(self.scales[arm] / math.sqrt(weight), std)
        cut = v.clip if z > v.clip else -v.clip if z < -v.clip else z
        up, down = self._up[arm] + cut - v.slack, self._down[arm] - cut - v.slack
        self._up[arm] = up if up > 0.0 else 0.0
        self._down[arm] = down if down > 0.0 else 0.0
        if up > v.threshold or down > v.threshold:
            self.alarms.add(arm)

    def go_on(self, arm: int, before: Watch, there: int) -> None:
        """Take up the sums of an arm, and its alarm, from where another watch has come."""
        self._up[arm], self._down[arm] = before._up[there], before._down[there]
        if there in before.alarms:
            self.alarms.add(arm)

    def settle(self, arm: int) -> None:
        """Its alarm was heard: the sums of the arm start again."""
        self.alarms.discard(arm)
        self._up[arm] = self._down[arm] = 0.0


def typical_error(sums: SufficientStatistics, theta: Array, *, guess: float, worth: float) -> float:
    """σ_k: root mean square of one arm's residuals.

    Args:
        sums: of the arm.
        theta: (d,) coefficients that predict it.
        guess: of σ_k before anything was seen.
        worth: of the guess, in observations.
    """
    squares = sums.yy - 2.0 * float(theta @ sums.b) + float(theta @ sums.A @ theta)
    return math.sqrt((max(squares, 0.0) + worth * guess**2) / (sums.weight + worth))
