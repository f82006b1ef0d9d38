"""The fallback plan: retries, waits and order, whatever happens to the attempts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.core.errors import AllModelsFailedError, FailureKind, ProviderError
from conduit.core.outcomes import ModelReply
from conduit.engines.fallback import (
    FIRST_WAIT,
    LONGEST_WAIT,
    TRANSIENT,
    Attempt,
    Outcome,
    Patience,
    Served,
    Skipped,
    fallback_plan,
)

REPLY = ModelReply(text="ok")


def _error(kind: FailureKind, retry_after: float | None = None) -> ProviderError:
    return ProviderError(kind, model="m", retry_after=retry_after)


def _driven(
    chain: list[str], outcomes: list[Outcome], patience: Patience
) -> tuple[list[tuple[Attempt, Outcome]], Served | AllModelsFailedError]:
    """What was tried with which outcome; the last outcome repeats itself."""
    plan, tried = fallback_plan(chain, patience=patience), list[tuple[Attempt, Outcome]]()
    attempt = next(plan)
    while True:
        outcome = outcomes[min(len(tried), len(outcomes) - 1)]
        tried.append((attempt, outcome))
        try:
            attempt = plan.send(outcome)
        except StopIteration as stop:
            return tried, stop.value
        except AllModelsFailedError as error:
            return tried, error


_failures = st.builds(
    _error, st.sampled_from(FailureKind), st.none() | st.floats(0, 3 * LONGEST_WAIT)
)
_outcomes = st.lists(st.one_of(_failures, st.just(Skipped()), st.just(REPLY)), min_size=1)
_chains = st.lists(st.sampled_from("abcdef"), unique=True, min_size=1)
_patience = st.builds(
    Patience,
    retries=st.integers(0, 4),
    unusable=st.integers(0, 4),
    draw=st.floats(0, 1, exclude_max=True).map(lambda value: lambda: value),
)


@given(_chains, _outcomes, _patience)
def test_no_arm_is_asked_more_often_than_allowed_and_the_order_is_kept(
    chain: list[str], outcomes: list[Outcome], patience: Patience
) -> None:
    """Arms come in the order of the chain, each in one run of at most 1 + retries attempts."""
    tried, _ = _driven(chain, outcomes, patience)
    asked = [attempt.arm for attempt, _ in tried]
    most = 1 + patience.retries + (patience.unusable if len(chain) == 1 else 0)
    assert all(asked.count(arm) <= most for arm in chain)
    assert sorted(asked, key=chain.index) == asked


@given(_chains, _outcomes, _patience)
def test_waits_are_bounded_and_at_least_what_the_server_asks_for(
    chain: list[str], outcomes: list[Outcome], patience: Patience
) -> None:
    """Only the same arm is waited for, never longer than the bound, never less than Retry-After."""
    tried, _ = _driven(chain, outcomes, patience)
    assert tried[0][0].wait == 0
    for (before, outcome), (attempt, _) in pairwise(tried):
        assert 0 <= attempt.wait <= LONGEST_WAIT
        if attempt.arm != before.arm:
            assert attempt.wait == 0
            continue
        assert isinstance(outcome, ProviderError)
        assert outcome.kind in TRANSIENT | {FailureKind.EMPTY}
        if outcome.kind in TRANSIENT:
            assert attempt.wait >= (outcome.retry_after or 0)


@given(_chains, _outcomes, _patience)
def test_a_plan_ends_with_the_first_answer_or_with_every_failure(
    chain: list[str], outcomes: list[Outcome], patience: Patience
) -> None:
    """Attempts that were made are numbered without gaps, and no failure is forgotten."""
    tried, end = _driven(chain, outcomes, patience)
    failures = [outcome for _, outcome in tried if isinstance(outcome, ProviderError)]
    made = [attempt.number for attempt, outcome in tried if not isinstance(outcome, Skipped)]
    assert made == list(range(1, len(made) + 1))
    if isinstance(end, Served):
        assert end == Served(tried[-1][0], REPLY)
        assert all(outcome is not REPLY for _, outcome in tried[:-1])
    else:
        assert list(end.failures) == failures
        assert {attempt.arm for attempt, _ in tried} == set(chain)


@pytest.mark.parametrize(
    "kind", [FailureKind.AUTHENTICATION, FailureKind.BAD_REQUEST, FailureKind.CONTENT_FILTER]
)
def test_what_a_while_does_not_cure_is_not_tried_again(kind: FailureKind) -> None:
    """The next arm is asked at once."""
    tried, _ = _driven(["a", "b"], [_error(kind), REPLY], Patience(retries=3, unusable=3))
    assert [attempt for attempt, _ in tried] == [Attempt(1, "a"), Attempt(2, "b")]


def test_an_empty_answer_is_asked_for_again_only_where_nobody_else_is_there() -> None:
    """Another model is the better second try; a model that is alone gets its own."""
    patience = Patience(retries=3, unusable=2)
    beside, _ = _driven(["a", "b"], [_error(FailureKind.EMPTY), REPLY], patience)
    alone, _ = _driven(["a"], [_error(FailureKind.EMPTY)], patience)
    assert [attempt.arm for attempt, _ in beside] == ["a", "b"]
    assert [attempt.wait for attempt, _ in alone] == [0, 0, 0]


def test_waits_double_and_are_spread_by_chance() -> None:
    """The n-th wait is the drawn share of ``FIRST_WAIT · 2ⁿ⁻¹``, up to the longest."""
    patience = Patience(retries=8, draw=lambda: 0.5)
    tried, _ = _driven(["a"], [_error(FailureKind.SERVER)], patience)
    waits = [attempt.wait for attempt, _ in tried[1:]]
    assert waits == [min(LONGEST_WAIT, FIRST_WAIT * 2**n) / 2 for n in range(8)]


def test_a_server_that_wants_to_be_left_alone_for_long_is_left_at_once() -> None:
    """A Retry-After beyond the bound moves on to the next arm without waiting."""
    patience = Patience(retries=3, draw=lambda: 0.0)
    later = _error(FailureKind.RATE_LIMIT, LONGEST_WAIT + 0.1)
    tried, _ = _driven(["a", "b"], [later, REPLY], patience)
    assert [attempt.arm for attempt, _ in tried] == ["a", "b"]
    soon, _ = _driven(["a", "b"], [_error(FailureKind.RATE_LIMIT, 7.0), REPLY], patience)
    assert [attempt for attempt, _ in soon] == [Attempt(1, "a"), Attempt(2, "a", 7.0)]
