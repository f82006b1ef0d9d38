"""Semantic retries: who asked the same again, and whose fault it was."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from conduit.core.outcomes import Head, Signal
from conduit.feedback.retries import RETRY_WEIGHT, RetryWindow, retry_observation


def at_angle(cosine: float) -> NDArray[np.float32]:
    """A unit vector whose cosine with (1, 0) is given."""
    return np.array([cosine, math.sqrt(1 - cosine * cosine)], np.float32)


SAME = at_angle(1.0)
OTHER = at_angle(0.0)


def test_the_same_question_soon_after_is_a_retry_of_the_earlier_one() -> None:
    """Asked again within the window, the earlier decision is named."""
    window = RetryWindow()
    assert window.record("ann", SAME, "first", 0.0) is None
    assert window.record("ann", SAME, "second", 60.0) == "first"


@pytest.mark.parametrize(("cosine", "retry"), [(0.84, None), (0.86, "first"), (-1.0, None)])
def test_similarity_must_exceed_the_threshold(cosine: float, retry: str | None) -> None:
    """A cosine above .85 is the same question, one below is another."""
    window = RetryWindow()
    window.record("ann", SAME, "first", 0.0)
    assert window.record("ann", at_angle(cosine), "second", 1.0) == retry


def test_the_threshold_itself_is_not_exceeded() -> None:
    """A cosine equal to the threshold is no retry."""
    window = RetryWindow(similarity=1.0)
    window.record("ann", SAME, "first", 0.0)
    assert window.record("ann", SAME, "second", 1.0) is None


@pytest.mark.parametrize(("seconds", "retry"), [(300.0, "first"), (300.1, None)])
def test_the_window_ends_after_five_minutes(seconds: float, retry: str | None) -> None:
    """At 300 seconds it still is a retry, after that a new question."""
    window = RetryWindow()
    window.record("ann", SAME, "first", 1000.0)
    assert window.record("ann", SAME, "second", 1000.0 + seconds) == retry


def test_length_does_not_matter() -> None:
    """Only the direction of an embedding counts, normalised or not."""
    window = RetryWindow()
    window.record("ann", 7 * SAME, "first", 0.0)
    assert window.record("ann", 0.1 * SAME, "second", 1.0) == "first"


def test_users_do_not_retry_each_other() -> None:
    """The same question of another user is not a retry."""
    window = RetryWindow()
    window.record("ann", SAME, "first", 0.0)
    assert window.record("bob", SAME, "second", 1.0) is None


def test_the_anonymous_never_retry() -> None:
    """Queries without a user are neither retries nor remembered."""
    window = RetryWindow()
    assert window.record(None, SAME, "first", 0.0) is None
    assert window.record(None, SAME, "second", 1.0) is None
    assert len(window) == 0


def test_of_several_the_latest_answer_is_found_wanting() -> None:
    """A third attempt is evidence against the second answer; the first was judged before."""
    window = RetryWindow()
    window.record("ann", SAME, "first", 0.0)
    window.record("ann", SAME, "second", 1.0)
    window.record("ann", OTHER, "aside", 2.0)
    assert window.record("ann", SAME, "third", 3.0) == "second"


@pytest.mark.parametrize(("between", "retry"), [(9, "first"), (10, None)])
def test_only_the_last_ten_queries_count(between: int, retry: str | None) -> None:
    """The tenth query back is remembered, the eleventh is not."""
    window = RetryWindow()
    window.record("ann", SAME, "first", 0.0)
    for i in range(between):
        window.record("ann", OTHER, f"other-{i}", 1.0)
    assert window.record("ann", SAME, "again", 2.0) == retry


def test_memory_is_bounded_and_the_longest_silent_goes_first() -> None:
    """Beyond max_users, the user who asked least recently is forgotten."""
    window = RetryWindow(max_users=2)
    window.record("ann", SAME, "a", 0.0)
    window.record("bob", SAME, "b", 1.0)
    window.record("ann", OTHER, "a2", 2.0)
    window.record("cid", SAME, "c", 3.0)
    assert len(window) == 2
    assert window.record("ann", SAME, "a3", 4.0) == "a"
    assert window.record("bob", SAME, "b2", 5.0) is None


def test_idle_users_cost_nothing() -> None:
    """Users whose window has passed are forgotten at the next query of anybody."""
    window = RetryWindow()
    for i in range(50):
        window.record(f"user-{i}", SAME, f"d-{i}", 0.0)
    window.record("late", SAME, "d", 301.0)
    assert len(window) == 1


def test_a_small_step_back_of_the_clock_is_tolerated() -> None:
    """A clock set back by less than the window still sees the retry."""
    window = RetryWindow()
    window.record("ann", SAME, "first", 1000.0)
    assert window.record("ann", SAME, "second", 990.0) == "first"


def test_a_large_step_back_of_the_clock_forgets() -> None:
    """What was asked in the far future is neither matched nor kept for ever."""
    window = RetryWindow()
    window.record("ann", SAME, "first", 10_000.0)
    assert window.record("ann", SAME, "second", 0.0) is None
    assert window.record("ann", SAME, "third", 10.0) == "second"


@pytest.mark.parametrize(
    "nothing", [np.zeros(2, np.float32), np.array([np.nan, 1], np.float32), np.full(2, np.inf)]
)
def test_an_embedding_without_direction_resembles_nothing(nothing: NDArray[np.float32]) -> None:
    """A zero or non-finite embedding is never a retry and disturbs no later one."""
    window = RetryWindow()
    window.record("ann", SAME, "first", 0.0)
    assert window.record("ann", nothing, "void", 1.0) is None
    assert window.record("ann", SAME, "second", 2.0) == "first"


def test_embeddings_of_another_encoder_are_not_compared() -> None:
    """After a change of encoder, old embeddings of another length match nothing."""
    window = RetryWindow()
    window.record("ann", SAME, "first", 0.0)
    assert window.record("ann", np.ones(3, np.float32), "second", 1.0) is None


def test_a_retry_is_mild_evidence_against_the_earlier_model() -> None:
    """A retry is quality .3 at weight .3, for the earlier decision and the arm that served it."""
    observation = retry_observation("first", arm="m", observed_at=9.0)
    assert (observation.decision_id, observation.arm) == ("first", "m")
    assert (observation.signal, observation.head) == (Signal.RETRY, Head.QUALITY)
    assert (observation.value, observation.weight) == (0.3, 0.3)


def test_implicit_evidence_never_outweighs_one_rating() -> None:
    """The weights of all implicit quality signals, which is the retry, sum to at most 1."""
    assert 0 < RETRY_WEIGHT <= 1


EVENTS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from([0.0, 0.6, 0.95, 1.0]), st.integers(0, 400)),
    max_size=25,
)


@settings(max_examples=60)
@given(EVENTS)
def test_the_window_equals_its_definition(events: list[tuple[str, float, int]]) -> None:
    """The state machine agrees with a search through the whole history."""
    window = RetryWindow(per_user=3)
    history: list[tuple[str, NDArray[np.float32], str, float]] = []
    now = 0.0
    for i, (user, cosine, gap) in enumerate(events):
        now += gap
        vector = at_angle(cosine)
        own = [(v, d, t) for u, v, d, t in history if u == user][-3:]
        expected = [d for v, d, t in own if float(v @ vector) > 0.85 and now - t <= 300]
        assert window.record(user, vector, str(i), now) == (expected[-1] if expected else None)
        history.append((user, vector, str(i), now))
