"""Semantic retries: who asked the same again, and whose fault it was."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from conduit.core.caching import Asked
from conduit.core.outcomes import Head, Signal
from conduit.feedback.retries import RETRY_WEIGHT, direction_of, repeated, retry_observation


def at_angle(cosine: float) -> NDArray[np.float32]:
    """A unit vector whose cosine with (1, 0) is given."""
    return np.array([cosine, math.sqrt(1 - cosine * cosine)], np.float32)


def asked(decision_id: str, cosine: float = 1.0, at: float = 0.0) -> Asked:
    """A query, by its angle to all others."""
    return Asked(decision_id=decision_id, arm="m", at=at, direction=at_angle(cosine))


def found(query: Asked, *earlier: Asked) -> str | None:
    """The decision that a query is a retry of."""
    again = repeated(query, earlier)
    return None if again is None else again.decision_id


def test_the_same_question_soon_after_is_a_retry_of_the_earlier_one() -> None:
    """Asked again within the window, the earlier decision is named."""
    assert found(asked("first")) is None
    assert found(asked("second", at=60.0), asked("first")) == "first"


@pytest.mark.parametrize(("cosine", "retry"), [(0.84, None), (0.86, "first"), (-1.0, None)])
def test_similarity_must_exceed_the_threshold(cosine: float, retry: str | None) -> None:
    """A cosine above .85 is the same question, one below is another."""
    assert found(asked("second", cosine, at=1.0), asked("first")) == retry


@pytest.mark.parametrize(("seconds", "retry"), [(300.0, "first"), (300.1, None)])
def test_the_window_ends_after_five_minutes(seconds: float, retry: str | None) -> None:
    """At 300 seconds it still is a retry, after that a new question."""
    assert found(asked("second", at=1000.0 + seconds), asked("first", at=1000.0)) == retry


def test_of_several_the_latest_answer_is_found_wanting() -> None:
    """A third attempt is evidence against the second answer; the first was judged before."""
    earlier = (asked("first"), asked("second", at=1.0), asked("aside", 0.0, at=2.0))
    assert found(asked("third", at=3.0), *earlier) == "second"


@pytest.mark.parametrize(("now", "retry"), [(990.0, "first"), (600.0, None)])
def test_a_clock_that_went_back_is_tolerated_for_as_long_as_the_window(
    now: float, retry: str | None
) -> None:
    """What was asked in the far future is not matched."""
    assert found(asked("second", at=now), asked("first", at=1000.0)) == retry


def test_embeddings_of_another_encoder_are_not_compared() -> None:
    """After a change of encoder, old embeddings of another length match nothing."""
    other = Asked(decision_id="first", arm="m", at=0.0, direction=np.ones(3, np.float32))
    assert found(asked("second"), other) is None


@pytest.mark.parametrize("length", [7.0, 1.0, 0.1])
def test_length_does_not_matter(length: float) -> None:
    """Only the direction of an embedding counts, normalised or not."""
    direction = direction_of(np.asarray(length * at_angle(0.6), np.float32))
    assert direction is not None
    np.testing.assert_allclose(direction, at_angle(0.6), rtol=1e-6)


@pytest.mark.parametrize(
    "nothing", [np.zeros(2, np.float32), np.array([np.nan, 1], np.float32), np.full(2, np.inf)]
)
def test_an_embedding_without_direction_resembles_nothing(nothing: NDArray[np.float32]) -> None:
    """A zero or non-finite embedding has no direction to compare."""
    assert direction_of(nothing) is None


def test_a_retry_is_mild_evidence_against_the_earlier_model() -> None:
    """A retry is quality .3 at weight .3, for the earlier decision and the arm that served it."""
    observation = retry_observation("first", arm="m", observed_at=9.0)
    assert (observation.decision_id, observation.arm) == ("first", "m")
    assert (observation.signal, observation.head) == (Signal.RETRY, Head.QUALITY)
    assert (observation.value, observation.weight) == (0.3, 0.3)


def test_implicit_evidence_never_outweighs_one_rating() -> None:
    """The weights of all implicit quality signals, which is the retry, sum to at most 1."""
    assert 0 < RETRY_WEIGHT <= 1
