"""What requests of late were expected to bring, arm by arm."""

from __future__ import annotations

from dataclasses import dataclass

from conduit.core.statistics import Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traffic:
    """Running means over the requests of late, as they were expected at their decisions.

    Args:
        hope: (K,) of what is hoped of quality.
        quality: (K,) of quality.
        cost: (K,) of cost, USD.
        spend: of the cost of the arms chosen, USD.
        requests: number so far.
        arms: ids of the arms, in index order.
    """

    hope: Array
    quality: Array
    cost: Array
    spend: float
    requests: int = 1
    arms: tuple[str, ...] = ()

    def then(self, latest: Traffic, *, horizon: float) -> Traffic:
        """With one more request; the mean of all so far, or of the last ``horizon`` or so."""
        share = max(1.0 / (self.requests + 1), 1.0 / horizon)
        return Traffic(
            hope=self.hope + share * (latest.hope - self.hope),
            quality=self.quality + share * (latest.quality - self.quality),
            cost=self.cost + share * (latest.cost - self.cost),
            spend=self.spend + share * (latest.spend - self.spend),
            requests=self.requests + 1,
            arms=latest.arms,
        )
