"""Recorded outcomes from a Parquet file in long form: one row per query and model.

Columns: ``query_id, query_text, model, quality`` (0..1), ``cost_usd`` are needed;
``dataset, category, input_tokens, output_tokens, latency_s`` may be absent or null. Errors count
rows from 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.datasets.recorded import RecordedOutcomes

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_NEEDED = ("query_id", "query_text", "model", "quality", "cost_usd")
_KEYS = ("query_id", "query_text", "model")
_NUMBERS = ("quality", "cost_usd", "latency_s", "input_tokens", "output_tokens")


def load_parquet(path: str | Path) -> RecordedOutcomes:
    """Read and check a file; queries in the order of their first row, models by name.

    Args:
        path: the file.

    Raises:
        InvalidInputError: for a file that is absent or no Parquet, or whose rows are not a
            complete matrix of valid outcomes, naming the row or column.
        ConfigurationError: when pandas or pyarrow is not installed.
    """
    return from_frame(_read(Path(path)), name=Path(path).stem)


def from_frame(frame: pd.DataFrame, *, name: str) -> RecordedOutcomes:
    """The same from rows already in memory.

    Args:
        frame: rows in the schema of this module.
        name: of the data set, unless the column ``dataset`` gives one.

    Raises:
        InvalidInputError: as :func:`load_parquet`.
    """
    _check_columns(frame)
    columns = {column: frame[column].tolist() for column in _KEYS}
    grid = _grid(columns["query_id"], columns["model"], columns["query_text"])
    matrices = {column: _matrix(frame, column, grid) for column in _NUMBERS if column in frame}
    return RecordedOutcomes(
        name=_name(frame) or name,
        query_ids=grid.query_ids,
        texts=grid.texts,
        models=grid.models,
        quality=matrices["quality"],
        cost=matrices["cost_usd"],
        latency=_or_none(matrices.get("latency_s")),
        input_tokens=_or_none(matrices.get("input_tokens")),
        output_tokens=_or_none(matrices.get("output_tokens")),
        categories=_categories(frame, grid),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Where each query and model has its row: (n, K) positions in the file."""

    query_ids: tuple[str, ...]
    texts: tuple[str, ...]
    models: tuple[str, ...]
    rows: NDArray[np.intp]


def _grid(query_ids: list[str], models: list[str], texts: list[str]) -> _Grid:
    text_of: dict[str, str] = {}
    row_of: dict[tuple[str, str], int] = {}
    for row, (query_id, model, text) in enumerate(zip(query_ids, models, texts, strict=True)):
        _check_keys(row, query_id=query_id, model=model, query_text=text)
        if text_of.setdefault(query_id, text) != text:
            raise InvalidInputError(
                f"row {row} gives query {query_id!r} another query_text",
                remedy="give each text its own query_id",
            )
        if row_of.setdefault((query_id, model), row) != row:
            raise InvalidInputError(
                f"row {row} repeats query {query_id!r} and model {model!r}",
                remedy="give one row per query and model",
            )
    names = tuple(sorted(set(models)))
    rows = [[_row(row_of, query_id, model) for model in names] for query_id in text_of]
    return _Grid(tuple(text_of), tuple(text_of.values()), names, np.array(rows, np.intp))


def _row(row_of: dict[tuple[str, str], int], query_id: str, model: str) -> int:
    try:
        return row_of[query_id, model]
    except KeyError:
        raise InvalidInputError(
            f"query {query_id!r} has no row for model {model!r}",
            remedy="give every query a row for every model",
        ) from None


def _check_keys(row: int, **values: object) -> None:
    for column, value in values.items():
        if not isinstance(value, str):
            raise InvalidInputError(f"{column}={value!r} in row {row}", remedy="give a string")


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InvalidInputError(f"no file {str(path)!r}", remedy="give the path of a Parquet file")
    try:
        import pandas as pd  # noqa: PLC0415  # heavy, and in an extra

        return pd.read_parquet(path, engine="pyarrow")
    except ImportError as error:
        raise ConfigurationError(
            "pandas with pyarrow, which reads Parquet files, is not installed",
            remedy="pip install 'conduit-router[experiments]'",
        ) from error
    except (ValueError, OSError) as error:
        raise InvalidInputError(
            f"{str(path)!r} cannot be read as Parquet", remedy="give a valid Parquet file"
        ) from error


def _check_columns(frame: pd.DataFrame) -> None:
    missing = [column for column in _NEEDED if column not in frame]
    if missing:
        raise InvalidInputError(
            f"column {missing[0]!r} is missing", remedy=f"give the columns {', '.join(_NEEDED)}"
        )
    if frame.empty:
        raise InvalidInputError("the data set has 0 rows", remedy="give a row per query and model")


def _matrix(frame: pd.DataFrame, column: str, grid: _Grid) -> NDArray[np.float64]:
    import pandas as pd  # noqa: PLC0415  # heavy, and in an extra

    try:
        numbers = pd.to_numeric(frame[column], errors="coerce")
    except OverflowError as error:
        raise InvalidInputError(
            f"{column} holds a whole number that is larger than any float", remedy="give a number"
        ) from error
    values = numbers.to_numpy(dtype="float64", na_value=np.nan)
    unreadable = np.isnan(values) & (frame[column].notna().to_numpy() | (column in _NEEDED))
    if unreadable.any():
        row = int(unreadable.argmax())
        i, j = np.argwhere(grid.rows == row)[0]
        raise InvalidInputError(
            f"{column}={frame[column].iloc[row]} in row {row}, of query {grid.query_ids[i]!r} "
            f"and model {grid.models[j]!r}",
            remedy="give a number",
        )
    return values[grid.rows]


def _or_none(matrix: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    return None if matrix is None or np.isnan(matrix).all() else matrix


def _name(frame: pd.DataFrame) -> str:
    first = frame["dataset"].iloc[0] if "dataset" in frame else None
    return first if isinstance(first, str) else ""


def _categories(frame: pd.DataFrame, grid: _Grid) -> tuple[str, ...] | None:
    if "category" not in frame or frame["category"].isna().all():
        return None
    labels = frame["category"].fillna("").astype(str).tolist()
    return tuple(labels[row] for row in grid.rows[:, 0])
