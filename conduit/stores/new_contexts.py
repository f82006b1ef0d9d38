"""New contexts of decisions, in a file until they are written back: they may be more than memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from tempfile import TemporaryFile
from typing import IO

import numpy as np
from numpy.typing import NDArray

from conduit.core.errors import StoreError
from conduit.stores.sql_codec import Row

BATCH = 500
"""Decisions that are written back with one statement."""


@contextmanager
def notes(*, expected: bool) -> Iterator[IO[str]]:
    """Where contexts are noted: a temporary file, where any are ``expected``.

    Raises:
        StoreError: for a temporary folder that is missing or full.
    """
    if not expected:
        yield StringIO()
        return
    with _room():
        file = TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 - closed below, full or not
    try:
        yield file
    finally:
        with suppress(OSError):  # what found no room when it was noted finds none now
            file.close()


def note_context(
    file: IO[str], decision_id: str, context: NDArray[np.float32], *, layout: str
) -> None:
    """Write one line: the context of a decision, (d,) float32, and its layout."""
    with _room():
        file.write(json.dumps([decision_id, layout, context.astype("<f4").tobytes().hex()]) + "\n")


def noted_contexts(file: IO[str]) -> Iterator[list[Row]]:
    """All lines from the beginning, as rows to be written back, :data:`BATCH` at a time."""
    with _room():  # what waits is written first
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


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"new contexts find no room in the temporary folder: {error.strerror or error}",
            remedy="free some space there, or set TMPDIR to another folder",
        ) from None
