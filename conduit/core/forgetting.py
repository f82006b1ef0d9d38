"""How fast evidence fades: exponentially with the age of the decision it belongs to."""

from __future__ import annotations

import math
from dataclasses import dataclass

from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Head

NOTHING_LEFT = 1e-30
"""Shares below this are 0: sums of denormal numbers would have quotients of noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """Ages at which evidence counts half, in seconds of the clock that dates decisions.

    An observation of weight w about a decision of age a counts ``w exp(−a/τ)``, with time constant
    ``τ = half-life / ln 2``. Priors do not fade.

    Args:
        half_life: of quality, tokens, cost and latency; infinite forgets nothing.
        availability: of errors and answers. Outages pass: twenty minutes after the last of them an
            arm's errors count half, after three hours a five-hundredth.

    Raises:
        InvalidInputError: for a half-life that is not above 0.
    """

    half_life: float = math.inf
    availability: float = 1200.0

    def __post_init__(self) -> None:
        for value in (self.half_life, self.availability):
            if not value > 0:
                raise InvalidInputError(
                    f"half-life {value} is not above 0",
                    remedy="give seconds, or leave it out to forget nothing",
                )

    def time_constant(self, head: Head) -> float:
        """τ of a head, in seconds."""
        half_life = self.availability if head is Head.AVAILABILITY else self.half_life
        return half_life / math.log(2)


def remaining(age: float, time_constant: float) -> float:
    """The share ``exp(−age/τ)`` that is left of evidence; all of it at ages below 0.

    Args:
        age: seconds; negative where clocks disagree.
        time_constant: τ, seconds above 0.
    """
    share = math.exp(-max(age, 0.0) / time_constant)
    return share if share > NOTHING_LEFT else 0.0
