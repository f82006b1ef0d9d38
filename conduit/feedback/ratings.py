"""Explicit feedback: what a caller says about an answer, checked, and worth one observation."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real

from conduit.core.budgets import DAY, MOST
from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Head, Observation, Signal
from conduit.feedback.implicit import Measurements, measured_observations

MOST_TOKENS = 1_000_000_000
"""Of an answer that anybody may report."""
MET_SHARE = 0.4
"""Share of ``met_expectations`` in the reward when a rating or score is given as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What a caller reports about one answer; at least one value besides ``model`` and ``comment``.

    Args:
        rating: stars, 1..5.
        quality_score: 0..1; takes the place of ``rating`` when both are given.
        met_expectations: whether the answer did what was asked.
        error: whether the call failed, where the caller made it.
        latency: seconds, where the caller measured them; a day at most.
        cost: USD, where the caller paid; what ledgers can hold at most.
        output_tokens: length of the answer, where the caller counted; :data:`MOST_TOKENS` at most.
        model: id of the arm that answered, when it is not the one that was chosen.
        comment: words for people; nothing is learned from them.

    Raises:
        InvalidInputError: for a value out of range, NaN, of the wrong type, or no value at all.
    """

    rating: float | None = None
    quality_score: float | None = None
    met_expectations: bool | None = None
    error: bool | None = None
    latency: float | None = None
    cost: float | None = None
    output_tokens: int | None = None
    model: str | None = None
    comment: str | None = None

    def __post_init__(self) -> None:
        _check_number("rating", self.rating, least=1, most=5)
        _check_number("quality_score", self.quality_score, least=0, most=1)
        _check_number("latency", self.latency, least=0, most=DAY, unit=" seconds")
        _check_number("cost", self.cost, least=0, most=MOST, unit=" USD")
        _check_number("output_tokens", self.output_tokens, least=0, most=MOST_TOKENS, whole=True)
        _check_type("met_expectations", self.met_expectations, bool, remedy="give True or False")
        _check_type("error", self.error, bool, remedy="give True or False")
        _check_type("model", self.model, str, remedy="give the id of a model")
        _check_type("comment", self.comment or None, str, remedy="give a string")
        if not self._says_something():
            raise InvalidInputError(
                "feedback without a value", remedy="give rating=, quality_score= or another value"
            )

    def _says_something(self) -> bool:
        measured = (self.error, self.latency, self.cost, self.output_tokens)
        opinions = (self.rating, self.quality_score, self.met_expectations)
        return any(value is not None for value in (*opinions, *measured))


def explicit_reward(feedback: Feedback) -> float | None:
    """The reward in 0..1 that the caller's opinion amounts to; None when none was given.

    A quality score counts as it is and a rating as ``(rating - 1) / 4``. With
    ``met_expectations`` besides, the reward is ``.6 * quality + .4 * met``; alone, it is 0 or 1.
    """
    met = None if feedback.met_expectations is None else float(feedback.met_expectations)
    quality = _quality(feedback)
    if quality is None:
        return met
    if met is None:
        return quality
    return (1 - MET_SHARE) * quality + MET_SHARE * met


def feedback_observations(
    feedback: Feedback, *, decision_id: str, arm: str, observed_at: float
) -> tuple[Observation, ...]:
    """Everything one feedback teaches.

    All opinions together are one quality observation of weight 1. What the caller measured on
    a call of their own is treated as if the router had measured it.

    Args:
        feedback: what was said.
        decision_id: the decision it is about.
        arm: the arm that served; ``feedback.model`` takes its place when given.
        observed_at: seconds since the epoch.
    """
    served = feedback.model or arm
    measured = measured_observations(
        Measurements(
            failed=feedback.error,
            latency=feedback.latency,
            output_tokens=feedback.output_tokens,
            cost=feedback.cost,
        ),
        decision_id=decision_id,
        arm=served,
        observed_at=observed_at,
    )
    reward = explicit_reward(feedback)
    if reward is None:
        return measured
    rating = Observation(
        decision_id=decision_id,
        arm=served,
        signal=Signal.RATING,
        head=Head.QUALITY,
        value=reward,
        observed_at=observed_at,
    )
    return (rating, *measured)


def _quality(feedback: Feedback) -> float | None:
    if feedback.quality_score is not None:
        return float(feedback.quality_score)
    return None if feedback.rating is None else (float(feedback.rating) - 1) / 4


def _check_number(
    name: str,
    value: float | None,
    *,
    least: float,
    most: float,
    whole: bool = False,
    unit: str = "",
) -> None:
    if value is None:
        return
    kind = "whole number" if whole else "number"
    wanted = f"{least:g}..{most:,.0f}"
    # A bool is an int in Python: rating=True would otherwise pass as one star.
    number = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
    if not number:
        raise InvalidInputError(f"{name}={value!r} is no {kind}", remedy=f"give {wanted}{unit}")
    if not least <= value <= most:  # NaN and infinity included
        raise InvalidInputError(f"{name}={value} is out of range", remedy=f"give {wanted}{unit}")


def _check_type(name: str, value: object, kind: type, *, remedy: str) -> None:
    if value is not None and (not isinstance(value, kind) or value == ""):
        raise InvalidInputError(f"{name}={value!r} cannot be used", remedy=remedy)
