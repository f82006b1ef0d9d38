"""Server-sent events."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.providers.event_stream import EventParser


def parsed(*pieces: bytes) -> list[bytes]:
    parser = EventParser()
    return [data for piece in pieces for data in parser.feed(piece)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: one\n\ndata: two\n\n", [b"one", b"two"]),
        (b"data: one\r\n\r\ndata: two\r\n\r\n", [b"one", b"two"]),
        (b"data: one\r\rdata: two\r\r", [b"one", b"two"]),
        (b"data: one\r\n\ndata: two\n\r\n", [b"one", b"two"]),
        (b"data:one\n\n", [b"one"]),
        (b"data:  one \n\n", [b" one "]),
        (b"data: one\ndata: two\n\n", [b"one\ntwo"]),
        (b"data\n\n", [b""]),
        (b"data: \ndata\n\n", [b"\n"]),
        (b": a comment\n\ndata: one\n: another\n\n", [b"one"]),
        (b"event: ping\nid: 3\nretry: 10\n\n", []),
        (b"event: message\ndata: one\nid: 3\n\n", [b"one"]),
        (b"database: no\n\n", []),
        (b" data: no\n\n", []),
        (b"\n\n\ndata: one\n\n\n\n", [b"one"]),
        (b"\xef\xbb\xbfdata: one\n\n", [b"one"]),
        (b"data: one", []),
        (b"data: one\n", []),
        ("data: Größe 🦜\n\n".encode(), ["Größe 🦜".encode()]),
        ("data: a\u2028b\u0085c\x0bd\n\n".encode(), ["a\u2028b\u0085c\x0bd".encode()]),
        (b"", []),
    ],
)
def test_events(stream: bytes, events: list[bytes]) -> None:
    """Whole events come out, in one piece or byte by byte, and nothing else does."""
    assert parsed(stream) == events
    assert parsed(*(stream[at : at + 1] for at in range(len(stream)))) == events


@given(
    texts=st.lists(
        st.text(st.characters(exclude_characters="\r\n", codec="utf-8")), min_size=1, max_size=6
    ),
    ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=12, max_size=12),
    cuts=st.sets(st.integers(0, 400), max_size=40),
)
def test_any_cuts(texts: list[str], ends: list[str], cuts: set[int]) -> None:
    """Where a stream is cut, and how each of its lines ends, changes nothing of its events."""
    lines = [line for text in texts for line in (f"data: {text}", "")]
    # A line that ends with CR before one of no characters that ends with LF would be one CR LF.
    uniform = [ends[0]] * len(lines) if "\r" in ends else ends
    whole = "".join(line + end for line, end in zip(lines, uniform, strict=False)).encode()
    edges = [0, *sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(edges)]
    assert parsed(*pieces) == [text.encode() for text in texts]
