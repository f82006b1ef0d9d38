"""The fallback plan, without I/O: whom to ask next, after which wait, given what happened so far."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from conduit.core.errors import AllModelsFailedError, FailureKind, ProviderError
from conduit.core.outcomes import ModelReply

FIRST_WAIT = 0.5
"""Seconds; the longest first wait, and every further one is drawn from twice as many."""
LONGEST_WAIT = 10.0
"""Seconds that are waited at most; a server that asks for more is left for the next model."""
TRANSIENT = frozenset(
    {
        FailureKind.RATE_LIMIT,
        FailureKind.SERVER,
        FailureKind.CONNECTION,
        FailureKind.TIMEOUT,
    }
)
"""Failures that a while may cure."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Ask ``arm``, after ``wait`` seconds; ``number`` counts those that were made, from 1."""

    number: int
    arm: str
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Served:
    """The attempt that answered, and its answer."""

    attempt: Attempt
    reply: ModelReply


@dataclass(frozen=True, slots=True)
class Skipped:
    """What came of an attempt that was not made: its arm is passed over."""


Outcome: TypeAlias = ModelReply | ProviderError | Skipped
Plan: TypeAlias = Generator[Attempt, Outcome, Served]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often one arm is asked again before the next is.

    Args:
        retries: times after :data:`TRANSIENT` failures.
        unusable: times after an empty answer, where there is no other arm to ask.
        draw: a number from 0 up to 1, evenly: waits are spread, so that those who failed together
            do not come back together.
    """

    retries: int = 0
    unusable: int = 0
    draw: Callable[[], float] = random.random

    def wait(self, failure: ProviderError, *, tries: int, alone: bool) -> float | None:
        """Seconds to wait before the same arm is asked again; None when it is not.

        After the n-th try a number drawn from 0 to ``FIRST_WAIT · 2ⁿ⁻¹`` ("full jitter"), or what
        the server asked for if that is more.

        Args:
            failure: how the last try ended.
            tries: of this arm so far, at least 1.
            alone: whether it is the only one of its chain.
        """
        if failure.kind is FailureKind.EMPTY:
            return 0.0 if alone and tries <= self.unusable else None
        asked_for = failure.retry_after or 0.0
        if failure.kind not in TRANSIENT or tries > self.retries or asked_for > LONGEST_WAIT:
            return None
        most = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (tries - 1))
        return max(asked_for, self.draw() * most)


IMPATIENT = Patience()
"""Every arm is asked once."""


def fallback_plan(chain: Sequence[str], *, patience: Patience = IMPATIENT) -> Plan:
    """Ask each arm of the chain in turn, more than once where that may help, until one answers.

    Yields attempts, is sent what came of each, and returns the one that served. Whoever drives it
    does the calling and the waiting.

    Args:
        chain: ids of arms, in order.
        patience: how often each is asked again.

    Raises:
        AllModelsFailedError: when the chain is exhausted, with every failure.
    """
    failures: list[ProviderError] = []
    for arm in chain:
        wait: float | None = 0.0
        tries = 0
        while wait is not None:
            attempt = Attempt(len(failures) + 1, arm, wait)
            outcome = yield attempt
            if isinstance(outcome, ModelReply):
                return Served(attempt, outcome)
            if isinstance(outcome, Skipped):
                break
            failures.append(outcome)
            tries += 1
            wait = patience.wait(outcome, tries=tries, alone=len(chain) == 1)
    raise AllModelsFailedError(failures)
