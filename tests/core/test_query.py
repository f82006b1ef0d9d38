"""What a caller may hand in, and what is said about the rest."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.core.errors import InvalidInputError
from conduit.core.models import (
    MAX_TEXT_BYTES,
    OptimizeFor,
    Preferences,
    Query,
    QueryConstraints,
)

LIMITS = ("max_cost", "max_latency", "min_quality")
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))


def complaint(build: Any, **given: Any) -> str:
    """What the typed error says; one line, exit code 2."""
    with pytest.raises(InvalidInputError) as caught:
        build(**given)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert caught.value.remedy
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize("text", ["", " ", "\t\n \r", "\u2003\u00a0", "\x00\x07", "\ud800 \udfff"])
def test_text_without_content_is_refused(text: str) -> None:
    """Empty, white space, control characters or lone surrogates alone are no prompt."""
    assert repr(text[:20]) in complaint(Query, text=text)


@pytest.mark.parametrize("text", [None, 7, b"bytes", ["list"]])
def test_text_that_is_no_string_is_refused(text: object) -> None:
    """The error names the type that came."""
    assert type(text).__name__ in complaint(Query, text=text)


@pytest.mark.parametrize("user", [42, 0, b"anna", ["anna"], True])
def test_a_user_that_is_no_text_is_refused(user: object) -> None:
    """The error names the value that came, and how to make an id of it."""
    said = complaint(Query, text="hi", user_id=user)
    assert f"user_id={user!r}" in said
    assert "str(user_id)" in said


@pytest.mark.parametrize(("letter", "size"), [("a", 1), ("é", 2), ("語", 3), ("🙂", 4)])
def test_the_limit_counts_bytes(letter: str, size: int) -> None:
    """100 KB of UTF-8 pass, one byte more does not, however many characters that is."""
    most = letter * (MAX_TEXT_BYTES // size)
    padded = most + "a" * (MAX_TEXT_BYTES % size)
    assert Query(padded).text == padded
    assert f"{MAX_TEXT_BYTES + 1:,} bytes" in complaint(Query, text=padded + "a")


def test_what_is_removed_does_not_count_against_the_limit() -> None:
    """Control characters are gone before the size is measured."""
    assert Query("a" * MAX_TEXT_BYTES + "\x00" * 50).text == "a" * MAX_TEXT_BYTES


def test_control_characters_are_removed_and_line_breaks_stay() -> None:
    """Tabs, line feeds and carriage returns survive; other controls and lone surrogates do not."""
    assert Query("a\x00b\x1b[31mc\td\r\ne\x7f\x9f\ud83df").text == "ab[31mc\td\r\nef"


@pytest.mark.parametrize(
    "text", ["Grüße 👩‍👩‍👧 نص 漢字", "e\u0301", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "\u202eabc", "a\u2028b"]
)
def test_unicode_is_left_as_it_is(text: str) -> None:
    """No letter, mark, joiner or astral character is changed or normalised."""
    assert Query(text).text == text


@given(text=ANY_TEXT)
def test_any_text_with_content_is_cleaned(text: str) -> None:
    """What is kept encodes, and has no control character but tab and breaks; again is the same."""
    cleaned = Query("x" + text).text
    cleaned.encode()
    assert {c for c in cleaned if unicodedata.category(c) == "Cc"} <= set("\t\n\r")
    assert Query(cleaned).text == cleaned


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", [-1, -1e-300, float("nan"), float("inf"), float("-inf")])
def test_limits_must_be_finite_and_not_negative(name: str, value: float) -> None:
    """The error names the limit and the value."""
    assert f"{name}={value}" in complaint(QueryConstraints, **{name: value})


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", ["0.5", [1], 1j])
def test_limits_must_be_numbers(name: str, value: object) -> None:
    """A limit that is no number is bad input, not a crash."""
    assert f"{name}={value!r}" in complaint(QueryConstraints, **{name: value})


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", [None, 0, 0.0, 0.25, 1])
def test_limits_that_can_be_kept_are_kept(name: str, value: float | None) -> None:
    """Zero is a limit like any other; None is none."""
    assert getattr(QueryConstraints(**{name: value}), name) == value


@pytest.mark.parametrize("value", [1.0000001, 5, 80])
def test_min_quality_is_a_share(value: float) -> None:
    """Above 1 is refused, and the range is named."""
    message = complaint(QueryConstraints, min_quality=value)
    assert f"min_quality={value}" in message
    assert "0..1" in message


def test_cost_and_latency_may_exceed_one() -> None:
    """Only quality is bounded above."""
    assert QueryConstraints(max_cost=50, max_latency=900).max_latency == 900


@pytest.mark.parametrize("value", [0, -5])
def test_an_answer_has_at_least_one_token(value: int) -> None:
    """max_tokens below 1 is refused."""
    assert f"max_tokens={value}" in complaint(Query, text="hi", max_tokens=value)


@pytest.mark.parametrize("preset", [*OptimizeFor, *map(str, OptimizeFor)])
def test_presets_are_accepted_by_value_and_by_name(preset: str) -> None:
    """A plain string becomes the preset."""
    assert Preferences(optimize_for=preset).optimize_for is OptimizeFor(preset)  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", ["cheap", "", "COST", None, 3])
def test_unknown_presets_are_refused(preset: Any) -> None:
    """The error names what came and every preset there is."""
    message = complaint(Preferences, optimize_for=preset)
    assert repr(str(preset)) in message
    assert all(name in message for name in OptimizeFor)


def test_a_query_has_an_id_of_its_own_unless_given_one() -> None:
    """Made-up ids differ; a given one is kept."""
    assert Query("a").id != Query("a").id
    assert Query("a", id="mine").id == "mine"


def test_values_cannot_be_changed() -> None:
    """Queries, constraints and preferences are frozen."""
    for value, name in ((Query("a"), "text"), (QueryConstraints(), "max_cost")):
        with pytest.raises(AttributeError):
            setattr(value, name, "other")
