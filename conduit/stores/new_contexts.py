"""New contexts of decisions, in a file until they are written back: they may be more than memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

from conduit.stores.sql_codec import Row

BATCH = 500
"""Decisions that are written back with one statement."""


def note_context(
    file: IO[str], decision_id: str, context: NDArray[np.float32], *, layout: str
) -> None:
    """Write one line: the context of a decision, (d,) float32, and its layout."""
    file.write(json.dumps([decision_id, layout, context.astype("<f4").tobytes().hex()]) + "\n")


def noted_contexts(file: IO[str]) -> Iterator[list[Row]]:
    """All lines from the beginning, as rows to be written back, :data:`BATCH` at a time."""
    file.seek(0)
    rows: list[Row] = []
    for line in file:
        name, layout, context = json.loads(line)
        rows.append(
            {"of_decision": name, "new_layout": layout, "new_context": bytes.fromhex(context)}
        )
        if len(rows) == BATCH:
            yield rows
            rows = []
    if rows:
        yield rows
