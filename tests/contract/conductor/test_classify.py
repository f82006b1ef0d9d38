"""``smart_classify`` as Conductor's README prints it."""

from __future__ import annotations

import pytest

from .places import Ran


def test_a_simple_prompt_scores_low_and_a_complex_one_high(ran: dict[str, Ran]) -> None:
    """The first of the README's two is in the lower third, the second in the upper half."""
    simple, why_simple, hard, why_hard = ran["classification"].lines
    assert 0 <= float(simple) < 1 / 3
    assert 0.5 < float(hard) <= 1
    assert why_simple
    assert why_hard


def test_the_reference_of_the_classifier(ran: dict[str, Ran]) -> None:
    """The score is the raw one of 1 to 10, brought to 0 to 1."""
    score, raw, why = ran["classify"].lines
    assert 1 <= int(raw) <= 10
    assert float(score) == pytest.approx((int(raw) - 1) / 9)
    assert why
