"""What a recorded matrix must satisfy before anything is measured on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_COLUMNS = {"cost": "cost_usd", "latency": "latency_s"}
"""Names that differ in the file schema, which carry the unit."""

_REQUIRED = {"quality", "cost"}


def check_labels(
    query_ids: Sequence[str],
    texts: Sequence[str],
    models: Sequence[str],
    *,
    categories: Sequence[str] | None,
) -> None:
    """One text per query, ids and models unique, nothing empty.

    Raises:
        InvalidInputError: naming what repeats or lacks.
    """
    _check_unique("query_id", query_ids)
    _check_unique("model", models)
    for name, values in (("texts", texts), ("categories", categories)):
        if values is not None and len(values) != len(query_ids):
            raise InvalidInputError(
                f"{len(values)} {name} for {len(query_ids)} queries", remedy="give one per query"
            )
    for query_id, text in zip(query_ids, texts, strict=True):
        if not text.strip():
            raise InvalidInputError(
                f"query_text of query {query_id!r} is empty", remedy="remove the query"
            )


def checked_matrix(
    name: str, values: ArrayLike, query_ids: Sequence[str], models: Sequence[str]
) -> NDArray[np.float64]:
    """A read-only (n, K) float64 copy, every value in range.

    Quality is 0..1 and cost at least 0, both known everywhere; the others are at least 0 or NaN.

    Raises:
        InvalidInputError: naming the column, query and model of the first bad value.
    """
    matrix = np.array(values, dtype=np.float64)
    column = _COLUMNS.get(name, name)
    shape = (len(query_ids), len(models))
    if matrix.shape != shape:
        raise InvalidInputError(
            f"{column} has shape {matrix.shape}, not {shape}", remedy="give queries x models"
        )
    bad = np.argwhere(~_in_range(name, matrix))
    if len(bad):
        i, j = bad[0]
        raise InvalidInputError(
            f"{column}={matrix[i, j]} of query {query_ids[i]!r} and model {models[j]!r}",
            remedy=f"give {_range(name)}",
        )
    matrix.setflags(write=False)
    return matrix


def _in_range(name: str, matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
    most = 1.0 if name == "quality" else np.finfo(np.float64).max
    inside = (matrix >= 0) & (matrix <= most)
    return inside if name in _REQUIRED else inside | np.isnan(matrix)


def _range(name: str) -> str:
    if name == "quality":
        return "a number in 0..1"
    return "a finite number of at least 0" + ("" if name in _REQUIRED else ", or null when unknown")


def _check_unique(name: str, values: Sequence[str]) -> None:
    if not values:
        raise InvalidInputError(f"no {name}", remedy="give at least one")
    value, times = Counter(values).most_common(1)[0]
    if times > 1:
        raise InvalidInputError(f"{name} {value!r} occurs {times} times", remedy="give it once")
