"""Recorded prompts as the bandit sees them: contexts, and what every arm would have given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from conduit.bandits.targets import COST_FLOOR
from conduit.core.arms import Arm
from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Head
from conduit.core.statistics import Array, SufficientStatistics

SHORTEST_LATENCY = 1e-3
"""Seconds; shorter latencies enter the logarithm as this, as they do in the engine."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """n prompts answered by each of K arms.

    Args:
        arms: K arms, in the order of the columns.
        contexts: (n, d) what the bandit sees of each prompt; the bias comes first.
        prompt_tokens: (n,) estimated length of each prompt.
        quality: (n, K) in 0..1.
        cost: (n, K) USD per call.
        output_tokens: (n, K); NaN where unknown, None where nothing is known.
        latency: (n, K) seconds; likewise.
        complexity: (n,) how much each prompt asks for, 0..1; None where nobody judged it.
        difficulty: (n,) how hard each prompt is taken to be, 0..1; likewise.
        embeddings: (n, D) of unit norm, which labelled neighbours are compared with; None where
            unknown.

    Raises:
        InvalidInputError: for arrays whose shapes do not agree.
    """

    arms: Sequence[Arm]
    contexts: Array
    prompt_tokens: NDArray[np.int64]
    quality: Array
    cost: Array
    output_tokens: Array | None = None
    latency: Array | None = None
    complexity: Array | None = None
    difficulty: Array | None = None
    embeddings: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.contexts)
        for name in ("quality", "cost", "output_tokens", "latency"):
            self._check(name, (n, len(self.arms)), "one row per context and one column per arm")
        for name in ("prompt_tokens", "complexity", "difficulty"):
            self._check(name, (n,), "one number per context")
        if self.embeddings is not None:
            width = self.embeddings.shape[-1]
            self._check("embeddings", (n, width), "one vector per context")

    def _check(self, name: str, shape: tuple[int, ...], what: str) -> None:
        values = getattr(self, name)
        if values is not None and values.shape != shape:
            raise InvalidInputError(
                f"{name} has shape {values.shape}, not {shape}", remedy=f"give {what}"
            )

    def __len__(self) -> int:
        """Number of prompts."""
        return len(self.contexts)

    @property
    def dim(self) -> int:
        """Length of a context, d."""
        return int(self.contexts.shape[1])

    def subset(self, rows: ArrayLike) -> Stream:
        """The prompts at these positions, in this order."""
        index = np.asarray(rows, dtype=np.intp)
        changed = {
            field.name: getattr(self, field.name)[index]
            for field in fields(self)
            if field.name != "arms" and getattr(self, field.name) is not None
        }
        return replace(self, **changed)

    def targets(self) -> Mapping[Head, Array]:
        """(n, K) what each head would observe of each arm; NaN where nothing was recorded."""
        known: dict[Head, Array] = {Head.LOG_COST: np.log(np.maximum(self.cost, COST_FLOOR))}
        if self.output_tokens is not None:
            known[Head.LOG_TOKENS] = np.log(np.maximum(self.output_tokens, 1.0))
        if self.latency is not None:
            known[Head.LOG_LATENCY] = np.log(np.maximum(self.latency, SHORTEST_LATENCY))
        return {**known, Head.QUALITY: self.quality}

    def statistics(
        self, *, worth: float | None = None
    ) -> dict[tuple[str, str], SufficientStatistics]:
        """What is learned from all arms' outcomes at once, per (arm id, head name).

        Args:
            worth: observations that the evidence about each arm counts as; None counts each once.
        """
        found = {}
        for head, targets in self.targets().items():
            for arm, y in zip(self.arms, targets.T, strict=True):
                seen = np.isfinite(y)
                sums = SufficientStatistics.of(self.contexts[seen], y[seen])
                scale = 1.0 if worth is None else worth / max(sums.weight, 1.0)
                found[arm.id, head.value] = sums.scaled(scale)
        return found
