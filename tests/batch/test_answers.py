"""What a model wrote, as a file; and what makes it out of date."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.batch.answers import Answer, answer_of, hash_in_json, hash_in_markdown
from conduit.batch.hashes import prompt_hash
from conduit.batch.names import Form
from conduit.core.errors import UnusableAnswerError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
HASH = "a" * 64


@given(VALUES)
def test_json_is_read_and_written_as_it_is(value: Any) -> None:
    """Bare or fenced, with words around or without, the file holds the value and our two keys."""
    text = json.dumps(value, indent=1)
    for wrapped in (
        text,
        f" \n{text}\n",
        f"```json\n{text}\n```",
        f"Here:\n\n~~~\n{text}\n~~~\nYes.",
    ):
        answer = answer_of(wrapped, Form.JSON)
        read = json.loads(answer.content(HASH, {"model": "m"}))
        if isinstance(value, dict):
            value = {**value, "_prompt_hash": HASH, "_llm_metadata": {"model": "m"}}
        assert read == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Sure!", "is no JSON"),
        ('{"a": 1,}', "is no JSON"),
        ("{'a': 1}", "is no JSON"),
        ("NaN", "NaN is no number of JSON"),
        ('{"a": 1e999}', "is no JSON"),
        ("[" * 100_000, "too deeply nested"),
        ("9" * 5000, "is no JSON"),
        ("```json\n[1]\n```\nor\n```json\n[2]\n```", "several blocks of JSON"),
        (" \n", "is empty"),
    ],
)
def test_what_is_not_strictly_json_is_refused(text: str, said: str) -> None:
    """Where JSON is asked for nothing else passes, and the error says what is wrong."""
    with pytest.raises(UnusableAnswerError, match=said):
        answer_of(text, Form.JSON)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('{"a": 1}', Form.JSON),
        ("[1, 2]", Form.JSON),
        ('```json\n{"a": 1}\n```', Form.JSON),
        ("4", Form.MARKDOWN),
        ("null", Form.MARKDOWN),
        ('See:\n```json\n{"a": 1}\n```', Form.MARKDOWN),
        ("# Title", Form.MARKDOWN),
    ],
)
def test_the_answer_decides_where_the_name_does_not(text: str, form: Form) -> None:
    """JSON is an object or a list with nothing around it; an article with JSON in it is Markdown."""
    assert answer_of(text, None).form is form


@given(st.text(min_size=1).filter(str.strip))
def test_markdown_keeps_its_text_below_the_hash(text: str) -> None:
    """Line 1 is the hash, which is read back; below stands the text."""
    content = answer_of(text, Form.MARKDOWN).content(HASH, {})
    first, _, rest = content.partition(b"\n")
    assert first == f"<!-- Prompt Hash: {HASH} -->".encode()
    assert rest.decode() == f"\n{text.strip(chr(13) + chr(10))}\n"
    assert hash_in_markdown(content) == HASH


def test_a_fence_of_any_line_ends_is_one() -> None:
    """Models write CRLF as well."""
    text = 'Here:\r\n```json\r\n{"a": 1}\r\n```\r\nDone.\r\n'
    assert answer_of(text, Form.JSON).value == {"a": 1}
    assert answer_of('```json\r\n{"a": 1}\r\n```', None).form is Form.JSON


def test_what_is_too_deep_to_be_written_is_unusable() -> None:
    """Some Pythons read deeper values than they write."""
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(UnusableAnswerError, match="too deeply nested"):
        Answer(Form.JSON, value).content("0", {})


def test_half_characters_are_written_all_the_same() -> None:
    """Lone surrogates, which a JSON escape can make, never lose a paid answer."""
    assert json.loads(answer_of('["\\ud800 ä"]', Form.JSON).content(HASH, {})) == ["\ud800 ä"]
    assert Answer(Form.MARKDOWN, "\ud800 ä").content(HASH, {}).endswith("? ä\n".encode())


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b'{"_prompt_hash": 1}', b"{", b"\xff", b"[" * 99999]
)
def test_no_hash_is_found_where_there_is_none(content: bytes) -> None:
    """Files of others, cut or odd, answer nothing."""
    assert hash_in_json(content) is None
    assert hash_in_markdown(content) is None


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_equal_hashes_are_equal_prompts_to_the_same(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    """A hash says who is asked and what, and nothing that moves between the two."""
    hashes = [prompt_hash(text, identity=who) for text, who in (one, other)]
    assert (hashes[0] == hashes[1]) == (one == other)


def test_text_cannot_pass_for_identity() -> None:
    """What is moved from the prompt to who is asked gives another hash."""
    assert prompt_hash('b", "c', identity="a") != prompt_hash("c", identity='a", "b')
