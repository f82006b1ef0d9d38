"""A circuit breaker per model: who keeps failing is not chosen for a while, then tried once."""

from __future__ import annotations

from conduit.cache.breaker import Breaker
from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import ModelReply
from conduit.core.ports import Clock
from conduit.engines.fallback import TRANSIENT


class Breakers:
    """Which models are to be left alone, as this process has seen them fail.

    Five failures in a row that a while may cure, or one refused key, and a model is left alone for
    five minutes; then one call may try. An account that may not (402, 403) counts like any failure:
    this request alone may be too dear for it, or not allowed. A request that is refused for what it
    asks, or an answer that is withheld or empty, says nothing of whether the model is there.

    Args:
        clock: measures the five minutes.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_arm: dict[str, Breaker] = {}

    def closed_to(self) -> frozenset[str]:
        """Ids of the models that should not be called now."""
        now = self._clock.now()
        return frozenset(arm for arm, it in self._by_arm.items() if not it.allows(now))

    def enter(self, arm: str) -> Passage:
        """Begin a call; one to a model that is left alone is a trial of it."""
        breaker = self._by_arm.get(arm, _NEW)
        self._by_arm[arm] = breaker.called()
        return Passage(self, arm, trial=breaker.is_open)

    def judge(self, arm: str, outcome: ModelReply | ProviderError | None, *, trial: bool) -> None:
        """Take note of how a call ended; None where it says nothing."""
        breaker = self._by_arm[arm]
        if isinstance(outcome, ModelReply):
            breaker = breaker.succeeded(trial=trial)
        elif outcome is not None and _is_refused_key(outcome):
            breaker = breaker.tripped(self._clock.now())
        elif outcome is not None and outcome.kind in _COUNTED:
            breaker = breaker.failed(self._clock.now(), trial=trial)
        else:
            breaker = breaker.abandoned(trial=trial)
        self._by_arm[arm] = breaker


class Passage:
    """One call that was let through, until it has ended.

    Args:
        breakers: that let it through.
        arm: id of the model.
        trial: whether it is to show that the model is back.
    """

    def __init__(self, breakers: Breakers, arm: str, *, trial: bool) -> None:
        self._breakers: Breakers | None = breakers
        self._arm = arm
        self._trial = trial

    def ended(self, outcome: ModelReply | ProviderError | None) -> None:
        """Say how; None where the call was given up or never made. Only the first word counts."""
        breakers, self._breakers = self._breakers, None
        if breakers is not None:
            breakers.judge(self._arm, outcome, trial=self._trial)


def _is_refused_key(failure: ProviderError) -> bool:
    return failure.kind is FailureKind.AUTHENTICATION and failure.status not in (402, 403)


_COUNTED = TRANSIENT | {FailureKind.AUTHENTICATION}
_NEW = Breaker()
