"""MABWiser's linear bandits, one event at a time: a ridge regression per arm, penalty 1.

The penalty stays at its default: with another one, version 2.7 begins with the inverse of the wrong
matrix. Its first event is an arm at random, since it must have been fitted before it predicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from conduit.core.statistics import Array

Rule = Literal["LinUCB", "LinTS"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MabWiserPeer:
    """One setting of MABWiser.

    Args:
        rule: upper confidence bound, or Thompson sampling.
        alpha: how much it explores: the width of the bound, or the scale of the samples.
    """

    library: ClassVar[str] = "mabwiser"
    bounded: ClassVar[bool] = False
    rule: Rule
    alpha: float

    @property
    def family(self) -> str:
        """What its settings have in common."""
        return f"MABWiser {self.rule}"

    @property
    def name(self) -> str:
        """What a table calls it."""
        return f"{self.family} {self.alpha:g}"

    def start(self, contexts: Array, arms: int, *, seed: int) -> MabWiser:
        """A learner that knows nothing yet; see :class:`MabWiser`."""
        return MabWiser(contexts, arms, rule=self.rule, alpha=self.alpha, seed=seed)


class MabWiser:
    """A learner over known contexts.

    Args:
        contexts: (n, d).
        arms: number of arms, K.
        rule: upper confidence bound, or Thompson sampling.
        alpha: how much it explores.
        seed: of its draws.
    """

    def __init__(self, contexts: Array, arms: int, *, rule: Rule, alpha: float, seed: int) -> None:
        from mabwiser.mab import MAB, LearningPolicy  # noqa: PLC0415  # an extra

        self._mab = MAB(list(range(arms)), getattr(LearningPolicy, rule)(alpha=alpha), seed=seed)
        self._contexts = contexts
        self._first = int(np.random.default_rng(seed).integers(arms))
        self._fitted = False

    def choose(self, row: int) -> int:
        """The arm it takes."""
        return (
            int(self._mab.predict(self._contexts[row : row + 1])) if self._fitted else self._first
        )

    def learn(self, row: int, arm: int, reward: float) -> None:
        """Learn from a reward."""
        absorb = self._mab.partial_fit if self._fitted else self._mab.fit
        absorb([arm], [reward], self._contexts[row : row + 1])
        self._fitted = True
