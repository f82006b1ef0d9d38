"""Originals with gaps: what every model answered becomes recorded outcomes, the rest is counted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.errors import InvalidInputError
from conduit.datasets.recorded import RecordedOutcomes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """n prompts and what K models did with them; NaN where the original says nothing.

    Args:
        texts: n prompts; an empty one counts as a gap.
        categories: n labels.
        quality: (n, K).
        cost: (n, K) USD.
        input_tokens: (n, K), None where nothing is known.
        output_tokens: (n, K), likewise.
    """

    texts: Sequence[str]
    categories: Sequence[str]
    quality: Matrix
    cost: Matrix
    input_tokens: Matrix | None = None
    output_tokens: Matrix | None = None


def complete_outcomes(columns: Columns, *, models: Sequence[str], name: str) -> RecordedOutcomes:
    """The prompts that every model answered; how many were left out is logged as a warning.

    Args:
        columns: as read.
        models: K names.
        name: of the data set; query ids are made from it and the row in the original.

    Raises:
        InvalidInputError: when no prompt is left, or a value is out of range.
    """
    known = ~(np.isnan(columns.quality) | np.isnan(columns.cost)).any(axis=1)
    known &= np.array([bool(text.strip()) for text in columns.texts], bool)
    rows = np.flatnonzero(known).tolist()
    if not rows:
        raise InvalidInputError(
            f"{name} has no prompt that all of {len(models)} models answered",
            remedy="choose another split, or fewer models",
        )
    if left_out := len(known) - len(rows):
        _log.warning("%s: %d prompts left out, not answered by every model", name, left_out)

    def kept(values: Matrix | None) -> Matrix | None:
        return None if values is None else values[rows]

    return RecordedOutcomes(
        name=name,
        query_ids=tuple(f"{name}-{row:05d}" for row in rows),
        texts=tuple(columns.texts[row] for row in rows),
        models=tuple(models),
        quality=columns.quality[rows],
        cost=columns.cost[rows],
        input_tokens=kept(columns.input_tokens),
        output_tokens=kept(columns.output_tokens),
        categories=tuple(columns.categories[row] for row in rows),
    )
