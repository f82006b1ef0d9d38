"""Outcomes from a file of either kind, told apart by content."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.datasets.files import load_outcomes, parse_json_lines

ROWS: list[dict[str, Any]] = [
    {"query_id": "7", "query_text": "one\u2028line", "model": "b", "quality": 1, "cost_usd": 0.5},
    {"query_id": "7", "query_text": "one\u2028line", "model": "a", "quality": 0.25, "cost_usd": 0},
    {"query_id": "8", "query_text": "zwei", "model": "a", "quality": 0, "cost_usd": 1e-6},
    {"query_id": "8", "query_text": "zwei", "model": "b", "quality": 0.1, "cost_usd": 2},
]


def lines(rows: list[dict[str, Any]]) -> str:
    """JSON lines, with characters written as they are."""
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n"


def test_both_kinds_of_file_say_the_same(tmp_path: Path) -> None:
    """The same rows as Parquet and as JSON lines are the same outcomes, whatever the files' names."""
    parquet, text = tmp_path / "data.jsonl", tmp_path / "data.parquet"
    pd.DataFrame(ROWS).to_parquet(parquet)
    text.write_text(lines(ROWS))
    one, other = load_outcomes(parquet), load_outcomes(text)
    for name in ("name", "query_ids", "texts", "models"):
        assert getattr(one, name) == getattr(other, name)
    np.testing.assert_array_equal(one.quality, [[0.25, 1.0], [0.0, 0.1]])
    np.testing.assert_array_equal(one.quality, other.quality)
    np.testing.assert_array_equal(one.cost, other.cost)


def test_optional_columns_may_be_missing_or_null() -> None:
    """What a row does not say is not known, and is never zero."""
    rows = [dict(row) for row in ROWS]
    rows[0] |= {"latency_s": 1.5, "output_tokens": None}
    found = parse_json_lines(lines(rows), name="x")
    assert found.latency is not None
    np.testing.assert_array_equal(found.latency, [[np.nan, 1.5], [np.nan, np.nan]])
    assert found.output_tokens is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 rows"),
        ("not json", "line 1 is no JSON"),
        (lines(ROWS[:1]) + "[1]", "line 3 is no JSON object"),
        ("[" * 100_000, "line 1 is no JSON"),
        (json.dumps(ROWS[0] | {"query_text": "\ud800"}), "query_text in line 1 holds.*half a char"),
        (lines([ROWS[0] | {"cost_usd": 10**400}, *ROWS[1:]]), "cost_usd holds a whole number"),
        (lines([{k: v for k, v in row.items() if k != "model"} for row in ROWS]), "'model'"),
        (lines([ROWS[0] | {"quality": 1.01}, *ROWS[1:]]), r"quality=1\.01 of query '7'"),
        (lines([ROWS[0] | {"quality": float("nan")}, *ROWS[1:]]), "quality=nan in row 0"),
        (lines([ROWS[0] | {"query_id": 7}, *ROWS[1:]]), "query_id=7 in row 0"),
        (lines(ROWS[:3]), "query '8' has no row for model 'b'"),
    ],
)
def test_lines_that_cannot_be_used_are_named(text: str, said: str) -> None:
    """The error names the line, row or column."""
    with pytest.raises(InvalidInputError, match=said):
        parse_json_lines(text, name="x")


def test_files_that_are_neither_are_named(tmp_path: Path) -> None:
    """A missing file, a folder and one in no known encoding are input errors with the path."""
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InvalidInputError, match="cannot be read"):
            load_outcomes(path)
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInputError, match="noise' is neither Parquet nor text"):
        load_outcomes(tmp_path / "noise")


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lean installation is told what to install."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigurationError, match=r"conduit-router\[experiments\]"):
        parse_json_lines(lines(ROWS), name="x")
