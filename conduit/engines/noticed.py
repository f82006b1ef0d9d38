"""What was noticed here a while ago, so that what follows on it is known to be a correction."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conduit.core.outcomes import Change, Observation
from conduit.stores.delta import ObservationKey, changes_of, key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    observation: Observation
    era: int


class Noticed:
    """The latest observations that were learned before they were stored.

    Args:
        most: how many are remembered.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[ObservationKey, _Kept] = OrderedDict()

    def changes(self, observations: Sequence[Observation], *, era: int) -> tuple[Change, ...]:
        """What observations change; a correction of what another era has learned is marked.

        Args:
            observations: in the order in which they count.
            era: of the models that are to learn them.
        """
        before = {key: self._kept[key] for key in map(key_of, observations) if key in self._kept}
        known = {key: it.observation for key, it in before.items()}
        changes = []
        for change in changes_of(observations, known):
            key = key_of(change.observation)
            first = before[key].era if key in before else era
            self._keep(key, _Kept(observation=change.observation, era=first))
            changes.append(replace(change, adjusted=first != era))
        return tuple(changes)

    def _keep(self, key: ObservationKey, new: _Kept) -> None:
        self._kept[key] = new
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
