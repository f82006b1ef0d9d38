"""Recorded outcomes from Parquet files in long form."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.datasets.parquet import from_frame, load_parquet
from conduit.datasets.recorded import RecordedOutcomes


def rows() -> pd.DataFrame:
    """Three queries and two models, in an order that is neither."""
    keys = [("q2", "b"), ("q1", "a"), ("q1", "b"), ("q3", "b"), ("q2", "a"), ("q3", "a")]
    return pd.DataFrame(
        {
            "dataset": "toy",
            "query_id": [query for query, _ in keys],
            "query_text": [f"What is {query}?" for query, _ in keys],
            "category": [f"about {query}" for query, _ in keys],
            "model": [model for _, model in keys],
            "quality": [0.22, 0.11, 0.12, 0.32, 0.21, 0.31],
            "input_tokens": pd.array([5, 5, 5, 5, 5, 5], dtype="Int64"),
            "output_tokens": pd.array([22, None, 12, 32, None, None], dtype="Int64"),
            "cost_usd": [2.2, 1.1, 1.2, 3.2, 2.1, 3.1],
            "latency_s": [None] * 6,
        }
    )


def written(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "outcomes.parquet"
    frame.to_parquet(path)
    return path


def same(one: RecordedOutcomes, two: RecordedOutcomes) -> bool:
    return (
        (one.query_ids, one.texts, one.models) == (two.query_ids, two.texts, two.models)
        and np.array_equal(one.quality, two.quality)
        and np.array_equal(one.cost, two.cost)
    )


def test_every_row_lands_in_its_cell(tmp_path: Path) -> None:
    """Queries keep the order of the file, models are sorted, and each value is where it belongs."""
    read = load_parquet(written(rows(), tmp_path))
    assert (read.name, read.models) == ("toy", ("a", "b"))
    assert read.query_ids == ("q2", "q1", "q3")
    assert read.texts == ("What is q2?", "What is q1?", "What is q3?")
    assert read.categories == ("about q2", "about q1", "about q3")
    np.testing.assert_array_equal(read.quality, [[0.21, 0.22], [0.11, 0.12], [0.31, 0.32]])
    np.testing.assert_array_equal(read.cost, [[2.1, 2.2], [1.1, 1.2], [3.1, 3.2]])


def test_unknown_tokens_stay_unknown(tmp_path: Path) -> None:
    """A null count is NaN, not zero, and a column of nulls is None."""
    read = load_parquet(written(rows(), tmp_path))
    np.testing.assert_array_equal(read.output_tokens, [[np.nan, 22], [np.nan, 12], [np.nan, 32]])
    np.testing.assert_array_equal(read.input_tokens, np.full((3, 2), 5.0))
    assert read.latency is None


def test_the_order_of_a_query_s_rows_does_not_matter() -> None:
    """Any order of the models within the queries gives the same matrix."""
    ordered = rows().sort_values(["query_id", "model"])
    turned = rows().sort_values(["query_id", "model"], ascending=[True, False])
    assert same(from_frame(ordered, name="t"), from_frame(turned, name="t"))


def test_the_nullable_columns_may_be_absent() -> None:
    """Only keys, quality and cost are needed; the name then comes from the caller."""
    frame = rows()[["query_id", "query_text", "model", "quality", "cost_usd"]]
    read = from_frame(frame, name="bare")
    assert same(read, from_frame(rows(), name="t"))
    assert read.name == "bare"
    assert (read.categories, read.latency, read.input_tokens) == (None, None, None)


def test_labels_never_touch_texts_or_outcomes() -> None:
    """Permuting the categories changes nothing but the categories."""
    frame = rows()
    frame["category"] = frame["category"].to_numpy()[::-1]
    assert same(from_frame(frame, name="t"), from_frame(rows(), name="t"))


@pytest.mark.parametrize("column", ["query_id", "query_text", "model", "quality", "cost_usd"])
def test_a_missing_column_is_named(column: str) -> None:
    """Every needed column is asked for by its name."""
    with pytest.raises(InvalidInputError, match=f"column '{column}' is missing"):
        from_frame(rows().drop(columns=column), name="t")


def test_a_second_row_for_the_same_cell_is_named() -> None:
    """A query answered twice by one model is refused, with row, query and model."""
    frame = pd.concat([rows(), rows().iloc[[2]]])
    with pytest.raises(InvalidInputError, match="row 6 repeats query 'q1' and model 'b'"):
        from_frame(frame, name="t")


def test_a_hole_in_the_matrix_is_named() -> None:
    """A query without a row for some model is refused, with both names."""
    with pytest.raises(InvalidInputError, match="query 'q2' has no row for model 'a'"):
        from_frame(rows().drop(index=4), name="t")


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("quality", 1.5, r"quality=1\.5 of query 'q1' and model 'b'"),
        ("quality", -0.5, r"quality=-0\.5 of query 'q1' and model 'b'"),
        ("quality", None, r"quality=nan in row 2, of query 'q1' and model 'b'"),
        ("cost_usd", -1.0, r"cost_usd=-1\.0 of query 'q1' and model 'b'"),
        ("cost_usd", None, r"cost_usd=nan in row 2, of query 'q1' and model 'b'"),
        ("quality", "good", r"quality=good in row 2, of query 'q1' and model 'b'"),
        ("latency_s", "fast", r"latency_s=fast in row 2, of query 'q1' and model 'b'"),
        ("output_tokens", -3, r"output_tokens=-3\.0 of query 'q1' and model 'b'"),
        ("model", None, r"model=(None|nan) in row 2"),
        ("query_id", 7, r"query_id=7 in row 2"),
        ("query_text", "Something else?", r"row 2 gives query 'q1' another query_text"),
    ],
)
def test_a_bad_value_is_named_with_its_place(column: str, value: Any, said: str) -> None:
    """What cannot be an outcome is refused in one line that says where it stands."""
    frame = rows()
    loose = frame[column].astype(object)
    loose[2] = value
    frame[column] = loose if isinstance(value, int | str) else loose.astype(frame[column].dtype)
    with pytest.raises(InvalidInputError, match=said) as caught:
        from_frame(frame, name="t")
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_an_empty_prompt_is_refused() -> None:
    """A prompt of white space is named before anything is replayed."""
    frame = rows()
    frame.loc[frame["query_id"] == "q3", "query_text"] = " \n"
    with pytest.raises(InvalidInputError, match="query_text of query 'q3' is empty"):
        from_frame(frame, name="t")


def test_no_rows_are_no_data() -> None:
    """A file without rows is refused."""
    with pytest.raises(InvalidInputError, match="0 rows"):
        from_frame(rows().iloc[:0], name="t")


def test_a_file_that_is_absent_or_no_parquet_is_named(tmp_path: Path) -> None:
    """Both the missing and the unreadable file are input errors with the path."""
    with pytest.raises(InvalidInputError, match=r"nowhere\.parquet"):
        load_parquet(tmp_path / "nowhere.parquet")
    with pytest.raises(InvalidInputError, match="no file"):
        load_parquet(tmp_path)
    path = tmp_path / "notes.parquet"
    path.write_text("these are notes")
    with pytest.raises(InvalidInputError, match=r"notes\.parquet' cannot be read"):
        load_parquet(path)


def test_without_pandas_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lean installation is told what to install."""
    path = written(rows(), tmp_path)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigurationError, match=r"conduit-router\[experiments\]"):
        load_parquet(path)
