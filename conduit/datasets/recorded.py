"""A complete matrix of recorded outcomes: every prompt answered by every model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.errors import InvalidInputError, UnknownModelError
from conduit.datasets.checks import check_labels, checked_matrix

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Matrix = NDArray[np.float64]

_PER_QUERY = ("query_ids", "texts", "categories")
_MATRICES = ("quality", "cost", "latency", "input_tokens", "output_tokens")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedOutcomes:
    """n prompts x K models, with what each model's answer was worth and cost.

    Only ``texts`` may reach features. Categories stand apart so that reports can group by them;
    they are labels of the benchmark, which no user's prompt carries.

    Args:
        name: of the data set.
        query_ids: n unique ids.
        texts: n prompts, none empty.
        models: K unique names, in the order of the columns.
        quality: (n, K) in 0..1.
        cost: (n, K) USD per call.
        latency: (n, K) seconds; NaN where not measured, None where nothing was.
        input_tokens: (n, K); NaN where unknown, None where nothing is known.
        output_tokens: (n, K); NaN where unknown, None where nothing is known.
        categories: n labels for reports, or None.

    The matrices are copied to read-only float64.

    Raises:
        InvalidInputError: for shapes that differ, names that repeat, or a value out of range,
            naming its column (in the words of the file schema), query and model.
    """

    name: str
    query_ids: tuple[str, ...]
    texts: tuple[str, ...]
    models: tuple[str, ...]
    quality: Matrix
    cost: Matrix
    latency: Matrix | None = None
    input_tokens: Matrix | None = None
    output_tokens: Matrix | None = None
    categories: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_labels(self.query_ids, self.texts, self.models, categories=self.categories)
        for name in _MATRICES:
            values = getattr(self, name)
            if values is not None:
                matrix = checked_matrix(name, values, self.query_ids, self.models)
                object.__setattr__(self, name, matrix)

    def __len__(self) -> int:
        """Number of prompts."""
        return len(self.query_ids)

    def subset(self, rows: ArrayLike) -> RecordedOutcomes:
        """The prompts at these positions, in this order.

        Args:
            rows: unique positions 0..n-1.

        Raises:
            InvalidInputError: for no rows, or a row twice.
        """
        index = np.asarray(rows, dtype=np.intp)
        changed: dict[str, object] = {
            field.name: _rows(getattr(self, field.name), index)
            for field in fields(self)
            if field.name in _PER_QUERY + _MATRICES
        }
        return replace(self, **changed)  # type: ignore[arg-type]  # names and types are the fields'

    def shuffled(self, rng: np.random.Generator) -> RecordedOutcomes:
        """The same prompts in random order."""
        return self.subset(rng.permutation(len(self)))

    def limit(self, prompts: int | None) -> RecordedOutcomes:
        """The first so many prompts; all of them for None or when there are fewer.

        Raises:
            InvalidInputError: for fewer than 1.
        """
        if prompts is None:
            return self
        if prompts < 1:
            raise InvalidInputError(f"limit={prompts} leaves no prompt", remedy="give 1 or more")
        return self.subset(np.arange(min(prompts, len(self))))

    def select(self, models: Sequence[str]) -> RecordedOutcomes:
        """Only these models, in this order.

        Raises:
            UnknownModelError: for a model that was not recorded.
            InvalidInputError: for no models, or one twice.
        """
        for model in models:
            if model not in self.models:
                raise UnknownModelError(model, known=self.models)
        columns = [self.models.index(model) for model in models]
        changed: dict[str, object] = {
            name: _columns(getattr(self, name), columns) for name in _MATRICES
        }
        return replace(self, models=tuple(models), **changed)  # type: ignore[arg-type]  # likewise


def _rows(values: tuple[str, ...] | Matrix | None, index: NDArray[np.intp]) -> object:
    if values is None or isinstance(values, np.ndarray):
        return None if values is None else values[index]
    return tuple(values[i] for i in index)


def _columns(values: Matrix | None, columns: list[int]) -> Matrix | None:
    return None if values is None else values[:, columns]
