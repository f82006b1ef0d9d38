"""The fallback plan, without I/O: which model to try next, given what happened so far."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from conduit.core.errors import AllModelsFailedError, ProviderError
from conduit.core.outcomes import ModelReply


@dataclass(frozen=True, slots=True)
class Attempt:
    """Ask ``arm``; ``number`` counts from 1."""

    number: int
    arm: str


@dataclass(frozen=True, slots=True)
class Served:
    """The attempt that answered, and its answer."""

    attempt: Attempt
    reply: ModelReply


Plan: TypeAlias = Generator[Attempt, ModelReply | ProviderError, Served]


def fallback_plan(chain: Sequence[str]) -> Plan:
    """Try each arm of the chain in turn until one answers.

    Yields attempts, is sent what came of each, and returns the one that served. Whoever drives it
    does the calling: the executor over a network, a simulator over recorded rows.

    Raises:
        AllModelsFailedError: when the chain is exhausted.
    """
    failures: list[ProviderError] = []
    for number, arm in enumerate(chain, start=1):
        attempt = Attempt(number, arm)
        outcome = yield attempt
        if isinstance(outcome, ModelReply):
            return Served(attempt, outcome)
        failures.append(outcome)
    raise AllModelsFailedError(failures)
