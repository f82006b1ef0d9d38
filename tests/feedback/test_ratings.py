"""Explicit feedback: what is accepted, what it is worth, and what it teaches."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Head, Observation, Signal
from conduit.feedback.ratings import Feedback, explicit_reward, feedback_observations

RATINGS = st.none() | st.floats(1, 5)
SCORES = st.none() | st.floats(0, 1)
MET = st.none() | st.booleans()


def observed(feedback: Feedback) -> tuple[Observation, ...]:
    return feedback_observations(feedback, decision_id="d", arm="served", observed_at=7.0)


@pytest.mark.parametrize(("rating", "reward"), [(1, 0.0), (2, 0.25), (3, 0.5), (4, 0.75), (5, 1.0)])
def test_stars_are_spread_evenly_over_zero_to_one(rating: int, reward: float) -> None:
    """One star is worth 0, five are worth 1, and every star between is worth the same."""
    assert explicit_reward(Feedback(rating=rating)) == reward


def test_a_quality_score_takes_the_place_of_a_rating() -> None:
    """A score on the learner's own scale outranks stars."""
    assert explicit_reward(Feedback(rating=5, quality_score=0.2)) == 0.2


@pytest.mark.parametrize(("met", "reward"), [(True, 1.0), (False, 0.0)])
def test_met_expectations_alone_is_all_or_nothing(met: bool, reward: float) -> None:
    """Without a rating, meeting expectations is the whole reward."""
    assert explicit_reward(Feedback(met_expectations=met)) == reward


@pytest.mark.parametrize(("met", "reward"), [(True, 0.6 * 0.5 + 0.4), (False, 0.6 * 0.5)])
def test_met_expectations_counts_four_parts_in_ten(met: bool, reward: float) -> None:
    """With a rating, the reward is .6 of its quality and .4 of met expectations."""
    assert explicit_reward(Feedback(rating=3, met_expectations=met)) == pytest.approx(reward)


@given(rating=RATINGS, score=SCORES, met=MET)
def test_a_reward_is_always_a_quality(
    rating: float | None, score: float | None, met: bool | None
) -> None:
    """Whatever is said, the reward lies in 0..1, and exists exactly when something was said."""
    said = any(value is not None for value in (rating, score, met))
    feedback = Feedback(rating=rating, quality_score=score, met_expectations=met, latency=1.0)
    reward = explicit_reward(feedback)
    assert (reward is not None) == said
    assert reward is None or 0 <= reward <= 1


def test_all_opinions_are_one_rating() -> None:
    """Three explicit values make one quality observation of weight 1, for the arm that served."""
    feedback = Feedback(rating=2, quality_score=0.5, met_expectations=True, comment="fine")
    (observation,) = observed(feedback)
    assert observation == Observation(
        decision_id="d",
        arm="served",
        signal=Signal.RATING,
        head=Head.QUALITY,
        value=pytest.approx(0.7),
        weight=1.0,
        observed_at=7.0,
    )


def test_the_named_model_gets_the_credit() -> None:
    """A caller who used another model says so, and every observation goes to that one."""
    feedback = Feedback(rating=4, latency=2.0, error=False, model="other")
    assert {observation.arm for observation in observed(feedback)} == {"other"}


def test_measurements_without_an_opinion_teach_no_quality() -> None:
    """No rating is not a zero: latency and errors alone leave the quality head untouched."""
    heads = {o.head: o.value for o in observed(Feedback(error=False, latency=math.e))}
    assert heads == {Head.AVAILABILITY: 1.0, Head.LOG_LATENCY: pytest.approx(1.0)}


def test_a_reported_error_lowers_availability_and_keeps_the_rating() -> None:
    """An error and a rating are different evidence, on different heads."""
    heads = {o.head: o.value for o in observed(Feedback(error=True, rating=1, latency=3.0))}
    assert heads == {Head.AVAILABILITY: 0.0, Head.QUALITY: 0.0}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rating", 0.99),
        ("rating", 5.01),
        ("rating", math.nan),
        ("rating", True),
        ("rating", "5"),
        ("quality_score", -0.01),
        ("quality_score", 1.01),
        ("quality_score", math.nan),
        ("quality_score", False),
        ("latency", -1.0),
        ("latency", math.inf),
        ("latency", math.nan),
        ("latency", 86_401.0),
        ("cost", -1e-9),
        ("cost", 2_000_001.0),
        ("cost", 1e308),
        ("output_tokens", 10**9 + 1),
        ("cost", math.inf),
        ("cost", 10**400),
        ("output_tokens", -1),
        ("output_tokens", 1.5),
        ("output_tokens", True),
        ("met_expectations", 1),
        ("met_expectations", "yes"),
        ("error", 0),
        ("model", ""),
        ("model", 3),
        ("comment", 3),
    ],
)
def test_a_bad_value_is_refused_by_name(field: str, value: object) -> None:
    """What is out of range, NaN, or a bool in a number's place is refused, naming it and a remedy."""
    with pytest.raises(InvalidInputError) as caught:
        Feedback(**{"met_expectations": True, field: value})  # type: ignore[arg-type]
    assert caught.value.problem.startswith(f"{field}={value!r}")
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fields", [{}, {"comment": "thanks"}, {"model": "m"}])
def test_feedback_without_a_value_is_refused(fields: dict[str, str]) -> None:
    """Nothing to learn from is an error, not a silent success."""
    with pytest.raises(InvalidInputError, match="without a value"):
        Feedback(**fields)  # type: ignore[arg-type]
