"""Laws of the readable figures about a prompt."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.features.complexity import classify_domain, complexity, estimate_tokens
from conduit.features.signals import raw_signals

DOMAINS = {"code", "mathematics", "multiple_choice", "general"}


def score(text: str) -> float:
    return complexity(estimate_tokens(text), raw_signals(text))


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_figures_stay_in_their_ranges(text):
    """Complexity and confidence lie in 0..1, tokens are positive and the domain is a known one."""
    domain, confidence = classify_domain(raw_signals(text))
    assert estimate_tokens(text) >= 1
    assert 0 <= score(text) <= 1
    assert domain in DOMAINS
    assert 0 < confidence <= 1


def test_longer_prompt_is_more_complex():
    """Of two prompts of one form, the longer one is the more complex."""
    assert score("word " * 5) < score("word " * 50) < score("word " * 5000) <= 1


def test_structure_adds_complexity():
    """Code, options and lines make a prompt more complex than prose of the same length."""
    structured = "def f(x):\n    return x == 2\n"
    assert score(structured) > score("w" * len(structured))


def test_complexity_is_language_neutral():
    """Two prompts of the same bytes and form score the same in any language."""
    assert score("да?") == score("oui !?".replace(" ", ""))


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Tell me about the history of Rome.", "general"),
        ("def f(x):\n    return my_list.sort()\n", "code"),
        ("Solve 3x^2 + 4 = 16 and 2 * 5 = y", "mathematics"),
        ("Which is a fruit?\nA. stone\nB. apple\nC. chair\nD. sand", "multiple_choice"),
        ("最大の惑星は？\nA．火星\nB．木星\nC．金星", "multiple_choice"),
    ],
)
def test_domain_follows_the_form(text, domain):
    """The domain is read from marks of code, mathematics and options."""
    assert classify_domain(raw_signals(text))[0] == domain


def test_more_evidence_gives_more_confidence():
    """Confidence grows with the number of marks."""
    few = classify_domain(raw_signals("A. x\nB. y"))[1]
    many = classify_domain(raw_signals("A. x\nB. y\nC. z\nD. w"))[1]
    assert few < many


def test_tokens_follow_bytes():
    """A token is four bytes of UTF-8, rounded up."""
    assert [estimate_tokens(text) for text in ("", "abcd", "abcde", "日本")] == [1, 1, 2, 2]
