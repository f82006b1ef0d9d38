"""One learned quantity of every arm: its sums, its prior and its posterior."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.evidence import FAINT, PriorFamily
from conduit.bandits.posterior import LinearPosterior
from conduit.bandits.vigilance import Vigilance, Watch, typical_error
from conduit.core.forgetting import remaining
from conduit.core.statistics import Array, SufficientStatistics

REBUILD_GROWTH = 1.1
"""The prior is chosen anew when the evidence has grown by this factor."""
FADED = 0.9
"""It is chosen anew, too, when no more than this share is left of the evidence of the last time."""
ROUNDING = 1e-6
"""Share of the evidence that may be missing where the same observations were added up otherwise."""
LARGEST_LOG = 700.0
"""Of what can be exponentiated: a correction may weigh more than is left of the first value."""


class LearnedHead:
    """Authoritative sums and the scoring state derived from them.

    Updates are exact between rebuilds; a rebuild only chooses the prior and noise again, after
    the number of observations has grown by a tenth, so it costs O(log n) rebuilds in all.

    Where evidence fades, sums and scoring state are weighed as of one moment, the *landmark*: that
    of the last rebuild. In between, an observation of a decision at t enters both with
    ``w exp((t − landmark)/τ)``, so both stay exact as of the landmark; when a tenth of the evidence
    has faded since, a rebuild moves it to the present. The prior does not fade.

    Args:
        statistics: one per arm, weighed as of any moments.
        family: the priors to choose among.
        offsets: (K,) what is known beforehand to set the arms apart, such as their prices.
        time_constant: τ, seconds in which evidence fades to 1/e; infinite forgets nothing.
        now: seconds since the epoch.
        vigilance: when an arm has changed, so that what was learned of it should count little.
    """

    def __init__(
        self,
        statistics: Sequence[SufficientStatistics],
        family: PriorFamily,
        *,
        offsets: Array | None = None,
        time_constant: float = math.inf,
        now: float = 0.0,
        vigilance: Vigilance = Vigilance(),
    ) -> None:
        self._watch = Watch(vigilance, len(statistics))
        self._statistics = [s.copied() for s in statistics]
        self._family = family
        self._offsets = np.zeros(len(self._statistics)) if offsets is None else offsets.copy()
        self._tau = time_constant
        self._now = now
        self.rebuild()

    def rebuild(self) -> None:
        """Choose the prior by evidence as of now and derive the scoring state from the sums."""
        self._move_landmark()
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
        self._watch.scales = [
            typical_error(sums, theta, guess=self.noise, worth=self._family.noise_weight)
            for sums, theta in zip(self._statistics, self._posterior.means, strict=True)
        ]
        self._fresh = True

    def is_of(
        self,
        statistics: Sequence[SufficientStatistics],
        *,
        offsets: Array | None,
        time_constant: float,
    ) -> bool:
        """Whether a head made of these would be this one: nothing was learned since its prior was chosen."""
        return (
            self._fresh
            and time_constant == self._tau == math.inf
            and len(statistics) == len(self._statistics)
            and bool((self._offsets == (0.0 if offsets is None else offsets)).all())
            and all(map(SufficientStatistics.equals, self._statistics, statistics))
        )

    def advance(self, now: float) -> None:
        """Let time pass, and derive anew what has faded noticeably.

        A clock that goes backwards makes nothing younger: what it had dated later than now counts
        as of now.
        """
        self._now = now
        if now < self._landmark:
            self._move_landmark()
        elif now > self._stale_after:
            self.rebuild()

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
        """(K,) what the observations of each arm are worth together, as of the last rebuild."""
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
        """A copy of the sums of one arm, weighed as of the last rebuild."""
        return self._statistics[arm].copied()

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean (K,) and standard deviation (K,) at x (d,)."""
        return self._posterior.predict(x)

    def leverage(self, x: Array) -> tuple[Array, Array]:
        """Mean (K,) and variance (K,) in units of σ̂², at x (d,)."""
        return self._posterior.leverage(x)

    def observe(
        self, arm: int, x: Array, y: float, *, weight: float = 1.0, at: float | None = None
    ) -> None:
        """Learn one target, and choose the prior anew when it is time.

        Args:
            arm: index of the arm.
            x: (d,) context of the decision.
            y: what was observed.
            weight: in ratings.
            at: when the decision was made; now, when None or later than now.
        """
        self.absorb(arm, x, y, weight=weight, at=at)
        if self._weights.sum() >= self._rebuild_at:
            self.rebuild()

    def absorb(
        self, arm: int, x: Array, y: float, *, weight: float = 1.0, at: float | None = None
    ) -> None:
        """Learn one target under the prior as it is."""
        self._fresh = False
        faded = weight * self._share(at)
        self._statistics[arm] = self._statistics[arm].absorb(x, y, weight=faded)
        self._note_mean(arm)
        self._counts[arm] += 1
        self._count += 1
        self._weights[arm] += faded
        error, leverage = self._posterior.observe(arm, x, y, weight=faded)
        if weight > 0 and self._weights[arm] > self._watch.vigilance.least:
            self._watch.see(arm, error, std=self.noise * math.sqrt(leverage), weight=weight)

    def merge(self, more: Mapping[int, SufficientStatistics]) -> None:
        """Add evidence from elsewhere, by arm, and choose the prior anew."""
        self._move_landmark()
        for arm, sums in more.items():
            self._statistics[arm] = self._statistics[arm] + self._as_of_now(sums)
        self.rebuild()

    @property
    def is_contradicted(self) -> bool:
        """Whether any arm is no longer what was learned of it."""
        return bool(self._watch.alarms)

    @property
    def contradicted(self) -> Mapping[int, float]:
        """Arms that are no longer what was learned of them, and what that should be worth now."""
        return dict.fromkeys(self._watch.alarms, self._watch.vigilance.kept)

    def watch_on(self, before: LearnedHead, *, places: Mapping[int, int]) -> None:
        """Go on watching arms from where another head of the same quantity has come.

        An arm whose evidence has become less has been discounted since, by whoever noticed first:
        its sums start again.

        Args:
            before: what this head takes the place of.
            places: index here → index there.
        """
        for arm, there in places.items():
            sums = before._statistics[there]
            left = sums.weight * remaining(self._now - sums.landmark, self._tau)
            if self._weights[arm] >= left * (1.0 - ROUNDING):
                self._watch.go_on(arm, before._watch, there)

    def discount(self, arm: int, *, worth: float) -> None:
        """Let all that was learned of an arm be worth at most so many ratings from now on."""
        self._statistics[arm] = self._statistics[arm].at_most(worth)
        self._watch.settle(arm)
        self.rebuild()

    def shift(self, arm: int, by: float, *, offset: float) -> None:
        """Add ``by`` to every target of one arm, give it another offset, and choose the prior anew."""
        self._statistics[arm] = self._statistics[arm].shifted(by)
        self._offsets[arm] = offset
        self.rebuild()

    def revise(
        self,
        arm: int,
        x: Array,
        y: float,
        previous: float,
        *,
        weight: float = 1.0,
        at: float | None = None,
    ) -> None:
        """Replace a target learned before, of a decision made at that time."""
        self._fresh = False
        weight *= self._share(at)
        self._statistics[arm] = self._statistics[arm].revise(x, y, previous, weight=weight)
        self._note_mean(arm)
        self._posterior.revise(arm, x, y - previous, weight=weight)

    def _move_landmark(self) -> None:
        self._statistics = [self._as_of_now(sums) for sums in self._statistics]
        self._landmark = self._now
        self._stale_after = self._now - math.log(FADED) * self._tau

    def _as_of_now(self, sums: SufficientStatistics) -> SufficientStatistics:
        return sums.at(self._now, time_constant=self._tau)

    def _share(self, at: float | None) -> float:
        """Of its weight, what an observation has as of the landmark; at most 1/FADED."""
        moment = self._now if at is None else min(at, self._now)
        return math.exp((moment - self._landmark) / self._tau)

    def _note_mean(self, arm: int) -> None:
        sums = self._statistics[arm]
        if sums.weight > FAINT:
            self._log_mean_seen[arm] = _log_of_mean(sums)


def _log_of_mean(sums: SufficientStatistics) -> float:
    centre = float(sums.b[0]) / sums.weight
    return min(centre + 0.5 * max(sums.yy / sums.weight - centre * centre, 0.0), LARGEST_LOG)
