"""Vowpal Wabbit 9 as its manual runs contextual bandits: ``--cb_explore_adf``, one event at a time.

The context is shared, the actions are names, and ``-q sa`` crosses them, which gives every action its
own linear model. Features have unit norm and costs lie in [0, 1], where its defaults are meant to work.
Features have names: whole numbers would be taken as positions in its table of weights, and collide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from conduit.core.statistics import Array

if TYPE_CHECKING:
    from vowpalwabbit import Example

EXPLORATION = {
    "epsilon-greedy .05": "--epsilon 0.05",
    "epsilon-greedy .02": "--epsilon 0.02",
    "SquareCB 100": "--squarecb --gamma_scale 100",
    "SquareCB 1000": "--squarecb --gamma_scale 1000",
    "softmax 20": "--softmax --lambda 20",
    "bag of 5": "--bag 5 --greedify --epsilon 0",
}
LEARNING_RATES = (0.25, 0.5, 1.0)
"""Its default, with half and twice of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VowpalWabbitPeer:
    """One setting of Vowpal Wabbit.

    Args:
        exploration: one of :data:`EXPLORATION`.
        learning_rate: of its gradient steps.
    """

    library: ClassVar[str] = "vowpalwabbit"
    family: ClassVar[str] = "Vowpal Wabbit"
    bounded: ClassVar[bool] = True
    exploration: str
    learning_rate: float

    @property
    def name(self) -> str:
        """What a table calls it."""
        return f"{self.family} {self.exploration}, rate {self.learning_rate:g}"

    def start(self, contexts: Array, arms: int, *, seed: int) -> VowpalWabbit:
        """A learner that knows nothing yet; see :class:`VowpalWabbit`."""
        words = f"{EXPLORATION[self.exploration]} --learning_rate {self.learning_rate}"
        return VowpalWabbit(contexts, arms, words=words, seed=seed)


class VowpalWabbit:
    """A learner over known contexts, parsed beforehand, so that only its mathematics takes time.

    Args:
        contexts: (n, d), the first column a bias; scaled to unit norm here.
        arms: number of actions, K.
        words: exploration and learning rate, as on its command line.
        seed: of its own draws and of the draw from its probabilities.
    """

    def __init__(self, contexts: Array, arms: int, *, words: str, seed: int) -> None:
        from vowpalwabbit import Workspace  # noqa: PLC0415  # an extra

        # Its seed 0 means none.
        fixed = f"--cb_explore_adf -q sa --ignore_linear s --quiet --random_seed {seed + 1}"
        self._workspace = Workspace(f"{fixed} {words}")
        self._shared: list[Example] = [self._workspace.example(line) for line in lines(contexts)]
        self._named = [f"|a arm{k}" for k in range(arms)]
        self._actions: list[Example] = [self._workspace.example(name) for name in self._named]
        self._rng = np.random.default_rng(seed)
        self._probabilities = np.full(arms, 1.0 / arms)

    def probabilities(self, row: int) -> Array:
        """(K,) how it would draw an arm for this context; single precision, so nearly of sum 1."""
        scores = self._workspace.predict([self._shared[row], *self._actions])
        return np.array(scores, dtype=np.float64)

    def choose(self, row: int) -> int:
        """Draw an arm."""
        self._probabilities = self.probabilities(row)
        heap = self._probabilities.cumsum()
        drawn = int(heap.searchsorted(self._rng.random() * heap[-1], side="right"))
        return min(drawn, len(heap) - 1)

    def learn(self, row: int, arm: int, reward: float) -> None:
        """Learn from a reward in 0..1, at the probability that the arm was last drawn with."""
        event = [self._shared[row], *self._actions]
        label = f"0:{1.0 - reward:.6g}:{self._probabilities[arm]:.6g}"
        event[arm + 1] = self._workspace.example(f"{label} {self._named[arm]}")
        self._workspace.learn(event)


def lines(contexts: Array) -> list[str]:
    """Contexts in its text format, each of unit norm."""
    unit = contexts / np.linalg.norm(contexts, axis=1, keepdims=True)
    return ["shared |s " + " ".join(f"x{i}:{x:.6g}" for i, x in enumerate(row)) for row in unit]
