"""Noticing that an arm is no longer what it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conduit.core.errors import InvalidInputError


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
        threshold: h, in standard deviations.
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


class Watch:
    """The cumulative sums of K arms.

    Args:
        vigilance: when they raise an alarm.
        arms: K.
    """

    def __init__(self, vigilance: Vigilance, arms: int) -> None:
        self._vigilance = vigilance
        self._sums = np.zeros((arms, 2))  # of errors upwards and downwards

    def notice(self, arm: int, z: float) -> bool:
        """Take in a standardised error of one arm; whether the arm has changed.

        After an alarm its sums start again.
        """
        v, sums = self._vigilance, self._sums[arm]
        cut = min(max(z, -v.clip), v.clip)
        np.maximum(sums + np.array([cut - v.slack, -cut - v.slack]), 0.0, out=sums)
        changed = bool(sums.max() > v.threshold)
        if changed:
            sums[:] = 0.0
        return changed
