"""Recorded outcomes from a file: Parquet, or JSON lines with the same columns.

The content says which it is, not the name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.datasets.parquet import from_frame, load_parquet
from conduit.datasets.recorded import RecordedOutcomes

_PARQUET = b"PAR1"


def load_outcomes(path: str | Path) -> RecordedOutcomes:
    """Read and check a file; see :mod:`conduit.datasets.parquet` for the columns.

    Raises:
        InvalidInputError: for a file that is absent or neither, or whose rows are not a complete
            matrix of valid outcomes, naming the line, row or column.
        ConfigurationError: when pandas or pyarrow is not installed.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            parquet = file.read(len(_PARQUET)) == _PARQUET
        return load_parquet(path) if parquet else parse_json_lines(_text(path), name=path.stem)
    except OSError as error:
        raise InvalidInputError(
            f"{str(path)!r} cannot be read ({error.strerror})",
            remedy="give the path of a Parquet file or of JSON lines",
        ) from error


def parse_json_lines(text: str, *, name: str) -> RecordedOutcomes:
    r"""Outcomes from one JSON object per query and model; lines end at ``\n``, empty ones may be.

    Args:
        text: the lines.
        name: of the data set, unless the column ``dataset`` gives one.

    Raises:
        InvalidInputError: naming the line, row or column that cannot be used.
        ConfigurationError: when pandas is not installed.
    """
    lines = enumerate(text.split("\n"), start=1)
    rows = [_row(line, number) for number, line in lines if line.strip()]
    if not rows:
        raise InvalidInputError("the data set has 0 rows", remedy="give a row per query and model")
    try:
        import pandas as pd  # noqa: PLC0415  # heavy, and in an extra
    except ImportError as error:
        raise ConfigurationError(
            "pandas, which checks recorded outcomes, is not installed",
            remedy="pip install 'conduit-router[experiments]'",
        ) from error
    return from_frame(pd.DataFrame(rows), name=name)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{str(path)!r} is neither Parquet nor text in UTF-8",
            remedy="give a Parquet file, or JSON lines",
        ) from error


def _row(line: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"line {number} is no JSON ({error})", remedy="give one JSON object per line"
        ) from error
    if not isinstance(row, dict):
        raise InvalidInputError(
            f"line {number} is no JSON object", remedy="give one object per query and model"
        )
    for column, value in row.items():
        if isinstance(value, str):
            _check_text(value, f"{column} in line {number}")
    return row


def _check_text(value: str, where: str) -> None:
    """JSON can say half a character, which no file and no encoder takes."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{where} holds {value[error.start]!r}, which is half a character",
            remedy="give whole characters",
        ) from error
