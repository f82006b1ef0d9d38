"""The delta log's rules, as pure functions: what an observation changes, and what folding adds.

Both stores share them, so that they differ only in where things are kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from conduit.core.decisions import Decision
from conduit.core.errors import InvalidInputError, LayoutMismatchError
from conduit.core.forgetting import Forgetting, remaining
from conduit.core.outcomes import Change, Head, Observation, Signal
from conduit.core.statistics import UNDATED, Source, SufficientStatistics

ObservationKey: TypeAlias = tuple[str, str, Signal]
"""(decision id, arm id, signal): at most one observation is kept for each."""

StateKey: TypeAlias = tuple[str, str]
"""(arm id, head name)."""

SKEW = 3600.0
"""Seconds, at most a time constant, by which clocks may differ and all evidence weigh what it should."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pending:
    """One change of the delta log, together with the context it is learned with.

    Args:
        context: (d,) float32, as it was logged.
        decided_at: when the decision was made, in seconds since the epoch.
        previous: the value that ``value`` replaces; None for a first observation.
    """

    arm: str
    head: str
    context: NDArray[np.float32]
    decided_at: float
    value: float
    weight: float
    previous: float | None


def key_of(observation: Observation) -> ObservationKey:
    """What an observation is unique by."""
    return observation.decision_id, observation.arm, observation.signal


def check_contexts(decisions: Iterable[Decision]) -> None:
    """Refuse contexts that would poison the sums of whatever is observed of their decisions.

    Raises:
        InvalidInputError: for a context with a number that is not finite.
    """
    for decision in decisions:
        if not np.isfinite(decision.features.context).all():
            raise InvalidInputError(
                f"the context of decision {decision.id!r} holds numbers that are not finite",
                remedy="give finite numbers; where an encoder made them, mend it",
            )


def check_observations(observations: Iterable[Observation]) -> None:
    """Refuse numbers that would poison the sums for ever.

    Raises:
        InvalidInputError: for a value that is not finite, or a weight that is negative or not.
    """
    for observation in observations:
        if not math.isfinite(observation.value):
            raise InvalidInputError(
                f"{observation.signal.value} value={observation.value} is no observation",
                remedy="give a finite number",
            )
        if not (math.isfinite(observation.weight) and observation.weight >= 0):
            raise InvalidInputError(
                f"{observation.signal.value} weight={observation.weight} is no weight",
                remedy="give a finite number of at least 0, in ratings",
            )


def changes_of(
    observations: Sequence[Observation], kept: Mapping[ObservationKey, Observation]
) -> tuple[Change, ...]:
    """What observations change, one after the other, given those already kept.

    A correction keeps the head and the weight of the observation it corrects: only the value
    and the time are new, which is what :meth:`SufficientStatistics.revise` can express.
    """
    latest: dict[ObservationKey, Observation] = {}  # not a copy: what is kept may be long
    changes = []
    for observation in observations:
        key = key_of(observation)
        before = latest.get(key) or kept.get(key)
        if before is None:
            changes.append(Change(observation=observation))
        elif before.value != observation.value:
            corrected = replace(observation, head=before.head, weight=before.weight)
            changes.append(Change(observation=corrected, previous=before.value))
        else:
            continue
        latest[key] = changes[-1].observation
    return tuple(changes)


def folded(
    state: Mapping[StateKey, SufficientStatistics],
    pending: Iterable[Pending],
    *,
    forgetting: Forgetting,
    now: float,
) -> dict[StateKey, SufficientStatistics]:
    """The new statistics of every (arm, head) that something is pending for.

    An observation counts as old as its decision, so that late ones, and corrections, weigh what
    they would have weighed at once; nothing new is dated later than ``now``. The landmark is the
    newest decision in the sums: shares never exceed 1, and a database that rests for years overflows
    nothing. It goes back only from further ahead than :data:`SKEW`, as that loses what the next
    process, whose clock is ahead, lets fade once more.
    """
    entries: dict[StateKey, list[Pending]] = {}
    for entry in pending:
        entries.setdefault((entry.arm, entry.head), []).append(entry)
    return {
        key: _with(
            state.get(key) or SufficientStatistics.zero(len(some[0].context)),
            some,
            time_constant=forgetting.time_constant(Head(key[1])),
            now=now,
        )
        for key, some in entries.items()
    }


def _with(
    before: SufficientStatistics, entries: Sequence[Pending], *, time_constant: float, now: float
) -> SufficientStatistics:
    newest = min(max(entry.decided_at for entry in entries), now)
    landmark = max(before.landmark, newest)
    if landmark - now > min(SKEW, time_constant):
        landmark = now
    shares = [remaining(landmark - entry.decided_at, time_constant) for entry in entries]
    delta = _sums(entries, np.array(shares))
    return before.at(landmark, time_constant=time_constant) + delta


def _sums(entries: Sequence[Pending], shares: NDArray[np.float64]) -> SufficientStatistics:
    """What entries add, at once: first observations add to every sum, later values to two."""
    X = np.stack([entry.context for entry in entries]).astype(np.float64)
    y = np.array([entry.value for entry in entries])
    w = shares * np.array([entry.weight for entry in entries])
    first = np.array([entry.previous is None for entry in entries])
    replaced = np.array([entry.previous or 0.0 for entry in entries])
    return SufficientStatistics(
        (X[first].T * w[first]) @ X[first],
        X.T @ (w * (y - replaced)),
        float(w @ (y * y - replaced * replaced)),
        float(w[first].sum()),
        int(first.sum()),
    )


def absorbed(
    state: Mapping[StateKey, SufficientStatistics],
    more: Mapping[StateKey, SufficientStatistics],
    *,
    source: Source,
    forgetting: Forgetting,
) -> dict[StateKey, SufficientStatistics]:
    """The new statistics of every (arm, head) that the source has evidence for."""
    dated = {
        key: (
            sums.at(source.absorbed_at, time_constant=forgetting.time_constant(Head(key[1])))
            if sums.landmark == UNDATED
            else sums
        )
        for key, sums in more.items()
    }
    known = {key: state[key] for key in dated if key in state}
    return merged(known, dated, forgetting=forgetting)


def merged(
    state: Mapping[StateKey, SufficientStatistics],
    more: Mapping[StateKey, SufficientStatistics],
    *,
    forgetting: Forgetting,
) -> dict[StateKey, SufficientStatistics]:
    """All evidence of two states whose sums are dated."""
    both = dict(state)
    for key, sums in more.items():
        tau = forgetting.time_constant(Head(key[1]))
        both[key] = both[key].merge(sums, time_constant=tau) if key in both else sums
    return both


def dimension_of(statistics: Mapping[StateKey, SufficientStatistics]) -> int:
    """Length of the contexts of evidence, once it is known that observations can have such sums.

    Raises:
        InvalidInputError: for no sums, sums of several dimensions, or sums that are not finite or
            not the moments of anything.
    """
    dims = {sums.dim for sums in statistics.values()}
    if len(dims) != 1:
        raise InvalidInputError(
            f"evidence of {len(dims)} dimensions", remedy="give sums over contexts of one length"
        )
    for (arm, head), sums in statistics.items():
        if not possible(sums):
            raise InvalidInputError(
                f"the {head} evidence of {arm!r} is no sum of observations",
                remedy="compute it with SufficientStatistics.of",
            )
    return dims.pop()


def possible(sums: SufficientStatistics) -> bool:
    """Whether the moments of (x, y) are finite, symmetric and positive semidefinite, as sums of observations are."""
    moments = np.block([[sums.A, sums.b[:, None]], [sums.b[None, :], np.array([[sums.yy]])]])
    if not (np.isfinite(moments).all() and 0 <= sums.weight < np.inf and sums.count >= 0):
        return False
    slack = 1e-8 * max(float(np.trace(moments)), 0.0)
    symmetric = np.abs(moments - moments.T).max() <= slack
    return bool(symmetric and np.linalg.eigvalsh(moments)[0] >= -slack)


def layout_of(decision: Decision) -> tuple[str, int]:
    """The layout a decision was made in, and the length of its context."""
    return decision.layout, len(decision.features.context)


def check_layout(declared: tuple[str, int], stored: tuple[str, int]) -> None:
    """Refuse to mix contexts that mean different things.

    Raises:
        LayoutMismatchError: when the two differ.
    """
    if declared != stored:
        raise LayoutMismatchError(
            f"the stored state is of layout {stored[0]!r} with {stored[1]} numbers, "
            f"not {declared[0]!r} with {declared[1]}",
            remedy="choose the same encoder, or another database",
        )


def duplicate_decision(decision_id: str) -> InvalidInputError:
    """The error for an id that is already taken."""
    return InvalidInputError(
        f"decision {decision_id!r} is already logged", remedy="give every decision an id of its own"
    )
