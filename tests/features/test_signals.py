"""Laws of the eight language-neutral signals."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.features import signals as module
from conduit.features.signals import (
    BOUND,
    SIGNAL_NAMES,
    count_choices,
    raw_signals,
    scale_signals,
    signals,
)


def raw(text: str) -> dict[str, float]:
    return dict(zip(SIGNAL_NAMES, raw_signals(text), strict=True))


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_text_gives_eight_finite_bounded_numbers(text):
    """Whatever the characters, surrogates included, every signal is finite and within the bound."""
    vector = signals(text)
    assert vector.shape == (8,)
    assert vector.dtype == np.float32
    assert np.all(np.abs(vector) <= BOUND)


@pytest.mark.parametrize("unit", ["a", "\n", "7", "A. ", "{}; ", "= 1 ", "?", "é", "x_y(", "\\"])
def test_absurd_prompt_stays_within_bound(unit):
    """100 KB of one thing moves no signal further than the bound."""
    assert np.max(np.abs(signals(unit * (100_000 // len(unit))))) <= BOUND


@given(st.lists(st.floats(0, 1e6), min_size=8, max_size=8))
@settings(max_examples=50, deadline=None)
def test_squashing_keeps_order(values):
    """A larger raw signal never gives a smaller scaled one."""
    larger = tuple(value + 1 for value in values)
    assert np.all(scale_signals(larger) >= scale_signals(tuple(values)))


@pytest.mark.parametrize(
    ("signal", "plain", "marked"),
    [
        ("log_length", "hi", "hi there, how are you"),
        ("newlines", "one two", "one\ntwo"),
        ("digit_share", "ten apples", "10 apples"),
        ("choice_markers", "red blue", "A. red\nB. blue"),
        ("code", "a function of x", "def f(x):\n    return do_this()"),
        ("mathematics", "two and two is four", "2 + 2 = 4"),
        ("question_marks", "what is it", "what is it?"),
        ("non_ascii_share", "cafe", "café"),
    ],
)
def test_each_signal_rises_with_what_it_names(signal, plain, marked):
    """A prompt with the feature scores higher on its signal than the same prompt without."""
    assert raw(marked)[signal] > raw(plain)[signal]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("A. x\nB. y\nC. z", 3),
        ("(A) x, (B) y, (C) z, (D) w", 4),
        ("a) x b) y", 2),
        ("(1) x\n(2) y\n(3) z", 3),
        ("A．甲 B．乙 C．丙", 3),
        ("A、甲\nB、乙", 2),
        ("See plan A. It costs 1.5, e.g. in U.S.A. dollars.", 0),
        ("B. y\nC. z", 0),
        ("\n".join(f"{letter}. x" for letter in "ABCDEFGHIJKL"), 10),
        ("", 0),
    ],
)
def test_options_are_counted_from_the_first(text, options):
    """Options count only as an unbroken run from the first marker, in any style or script."""
    assert count_choices(text) == options


def test_same_form_in_another_script_gives_the_same_signals():
    """Translating the words leaves digits, options, code, mathematics and questions unchanged."""
    english = raw("How much is 3 + 4 = ?\nA. 7\nB. 8")
    russian = raw("Сколько это 3 + 4 = ?\nA. 7\nB. 8")
    for signal in ("newlines", "choice_markers", "code", "mathematics", "question_marks"):
        assert english[signal] == russian[signal]
    assert russian["non_ascii_share"] > english["non_ascii_share"] == 0


@pytest.mark.parametrize("mark", ["?", "？", "؟"])
def test_question_marks_of_other_scripts_count(mark):
    """A question mark counts in any script."""
    assert raw(f"ok{mark}")["question_marks"] == raw("ok?")["question_marks"]


def test_digits_of_other_scripts_count():
    """Arabic-Indic digits are digits."""
    assert raw("٣٤")["digit_share"] == raw("34")["digit_share"] == 1


def test_prose_shows_no_code_and_no_mathematics():
    """Ordinary punctuation is neither code nor mathematics."""
    text = "He said: well-known and/or new; see (it). Mid-2019, at 5-6 p.m., costs $5 - or more."
    assert (raw(text)["code"], raw(text)["mathematics"]) == (0, 0)


def test_no_pattern_repeats_without_bound():
    """No pattern has an unbounded repeat, so matching is linear in the text."""
    patterns = [value for value in vars(module).values() if isinstance(value, re.Pattern)]
    assert len(patterns) == 5
    for pattern in patterns:
        outside_classes = re.sub(r"\[(?:\\.|[^\]])*\]", "c", pattern.pattern)
        assert not re.search(r"(?<!\\)[*+]", outside_classes)
