"""One learned quantity of every arm: its sums, its prior and its posterior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.evidence import PriorFamily
from conduit.bandits.posterior import LinearPosterior
from conduit.core.statistics import Array, SufficientStatistics

REBUILD_GROWTH = 1.1
"""The prior is chosen anew when the evidence has grown by this factor."""


class LearnedHead:
    """Authoritative sums and the scoring state derived from them.

    Updates are exact between rebuilds; a rebuild only chooses the prior and noise again, after
    the number of observations has grown by a tenth, so it costs O(log n) rebuilds in all.

    Args:
        statistics: one per arm.
        family: the priors to choose among.
        offsets: (K,) what is known beforehand to set the arms apart, such as their prices.
    """

    def __init__(
        self,
        statistics: Sequence[SufficientStatistics],
        family: PriorFamily,
        *,
        offsets: Array | None = None,
    ) -> None:
        self._statistics = [s.copied() for s in statistics]
        self._family = family
        self._offsets = np.zeros(len(self._statistics)) if offsets is None else offsets
        self.rebuild()

    def rebuild(self) -> None:
        """Choose the prior by evidence and derive the scoring state from the sums."""
        self._posterior = LinearPosterior(
            self._statistics, self._family.fit(self._statistics, self._offsets)
        )
        self._counts = np.array([s.count for s in self._statistics], dtype=np.int64)
        self._count = int(self._counts.sum())
        self._log_mean_seen = np.full(len(self._statistics), np.inf)
        for arm in range(len(self._statistics)):
            self._note_mean(arm)
        self._weights = np.array([s.weight for s in self._statistics])
        evidence = float(self._weights.sum())
        self._rebuild_at = max(evidence + 8, REBUILD_GROWTH * evidence)

    @property
    def count(self) -> int:
        """Observations over all arms."""
        return self._count

    @property
    def counts(self) -> NDArray[np.int64]:
        """(K,) observations per arm."""
        return self._counts

    @property
    def weights(self) -> Array:
        """(K,) what the observations of each arm are worth together."""
        return self._weights

    @property
    def noise(self) -> float:
        """σ̂, the estimated standard deviation of one observation."""
        return self._posterior.prior.noise

    @property
    def posterior(self) -> LinearPosterior:
        """The scoring state."""
        return self._posterior

    def running_mean(self) -> Array:
        """(K,) mean of exp(target) over what was seen of each arm, were it log-normal.

        An arm that was never seen is given what the prior expects of it.
        """
        seen = np.isfinite(self._log_mean_seen)
        return np.exp(np.where(seen, self._log_mean_seen, self._posterior.prior.mean[:, 0]))

    @property
    def log_mean_seen(self) -> Array:
        """(K,) logarithm of :meth:`running_mean`; infinite for an arm that was never seen."""
        return self._log_mean_seen

    def ordinary(self) -> float:
        """Mean of exp(target − offset) over all arms, were it log-normal."""
        prior = self._posterior.prior
        level = float(prior.mean[0, 0] - self._offsets[0])
        return float(np.exp(level + 0.5 * prior.noise**2))

    def statistics(self, arm: int) -> SufficientStatistics:
        """A copy of the sums of one arm."""
        return self._statistics[arm].copied()

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean (K,) and standard deviation (K,) at x (d,)."""
        return self._posterior.predict(x)

    def leverage(self, x: Array) -> tuple[Array, Array]:
        """Mean (K,) and variance (K,) in units of σ̂², at x (d,)."""
        return self._posterior.leverage(x)

    def observe(self, arm: int, x: Array, y: float, *, weight: float = 1.0) -> None:
        """Learn one target, and choose the prior anew when it is time."""
        self.absorb(arm, x, y, weight=weight)
        if self._weights.sum() >= self._rebuild_at:
            self.rebuild()

    def absorb(self, arm: int, x: Array, y: float, *, weight: float = 1.0) -> None:
        """Learn one target under the prior as it is."""
        self._statistics[arm] = self._statistics[arm].absorb(x, y, weight=weight)
        self._note_mean(arm)
        self._counts[arm] += 1
        self._count += 1
        self._weights[arm] += weight
        self._posterior.observe(arm, x, y, weight=weight)

    def merge(self, more: Mapping[int, SufficientStatistics]) -> None:
        """Add evidence from elsewhere, by arm, and choose the prior anew."""
        for arm, sums in more.items():
            self._statistics[arm] = self._statistics[arm] + sums
        self.rebuild()

    def revise(self, arm: int, x: Array, y: float, previous: float, *, weight: float = 1.0) -> None:
        """Replace a target learned before."""
        self._statistics[arm] = self._statistics[arm].revise(x, y, previous, weight=weight)
        self._note_mean(arm)
        self._posterior.revise(arm, x, y - previous, weight=weight)

    def _note_mean(self, arm: int) -> None:
        sums = self._statistics[arm]
        if sums.weight > 0:
            self._log_mean_seen[arm] = _log_of_mean(sums)


def _log_of_mean(sums: SufficientStatistics) -> float:
    centre = float(sums.b[0]) / sums.weight
    return centre + 0.5 * max(sums.yy / sums.weight - centre * centre, 0.0)
