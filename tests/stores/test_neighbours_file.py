"""Labelled queries in a file: read back exactly, or refused."""

from __future__ import annotations

import io
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conduit.bandits.neighbours import NearestNeighbours
from conduit.core.errors import StoreError
from conduit.stores.neighbours_file import MAGIC, load_neighbours, save_neighbours


def labelled() -> NearestNeighbours:
    """Two labelled queries, one label missing."""
    return NearestNeighbours(
        encoder="tiny/é",
        arms=("openai/gpt-4o", "modèle"),
        embeddings=np.eye(2, 4, dtype=np.float32),
        quality=np.array([[1 / 3, 1.0], [0.0, np.nan]]),
        k=1,
    )


def signed(**arrays: Any) -> bytes:
    """A file of these arrays, with the right hash."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    data = stream.getvalue()
    return MAGIC + sha256(data).hexdigest().encode() + b"\n" + data


def test_what_was_saved_is_what_is_loaded(tmp_path: Path) -> None:
    """Names, numbers and gaps come back to the last bit, and nothing else is left behind."""
    path = tmp_path / "new" / "labelled.knn"
    digest = save_neighbours(labelled(), path)
    read, written = load_neighbours(path, digest=digest), labelled()
    assert (read.encoder, read.arms, read.k) == (written.encoder, written.arms, written.k)
    np.testing.assert_array_equal(read.embeddings, written.embeddings)
    np.testing.assert_array_equal(read.quality, written.quality)
    assert [file.name for file in path.parent.iterdir()] == ["labelled.knn"]


def test_any_byte_changed_or_missing_is_noticed(tmp_path: Path) -> None:
    """Wherever the file is damaged or cut, it is refused and named."""
    path = tmp_path / "labelled.knn"
    save_neighbours(labelled(), path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(StoreError, match=r"labelled\.knn"):
            load_neighbours(path)
        path.write_bytes(whole[:place])
        with pytest.raises(StoreError, match=r"labelled\.knn"):
            load_neighbours(path)


def test_an_exchanged_file_is_refused_by_its_digest(tmp_path: Path) -> None:
    """A whole file that is another one than was asked for is not used."""
    digest = save_neighbours(labelled(), tmp_path / "a")
    with pytest.raises(StoreError, match="has SHA-256"):
        load_neighbours(tmp_path / "a", digest="0" * 64)
    assert load_neighbours(tmp_path / "a", digest=digest).k == 1


class Trap:
    """Unpickled, it would make a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_inside_is_never_run(tmp_path: Path) -> None:
    """A file with a right hash and an object in it is refused before the object wakes."""
    path = tmp_path / "labelled.knn"
    path.write_bytes(signed(encoder=np.array([Trap(tmp_path / "owned")], object)))
    with pytest.raises(StoreError, match="no archive"):
        load_neighbours(path)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"encoder": np.array("e")},
        {
            "encoder": np.array("e"),
            "arms": np.array(["a"]),
            "k": np.array(1),
            "embeddings": np.eye(2, dtype=np.float32),
            "quality": np.full((3, 1), 0.5),
        },
        {
            "encoder": np.array("e"),
            "arms": np.array(["a"]),
            "k": np.array(1),
            "embeddings": np.eye(2, dtype=np.float32),
            "quality": np.full((2, 1), 7.0),
        },
    ],
)
def test_a_whole_file_of_something_else_is_refused(tmp_path: Path, arrays: dict[str, Any]) -> None:
    """Arrays that are missing, do not fit or are out of range are no labelled queries."""
    path = tmp_path / "labelled.knn"
    path.write_bytes(signed(**arrays))
    with pytest.raises(StoreError, match="no archive of labelled queries"):
        load_neighbours(path)


def test_places_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """A missing file, a folder and a file in the way of a folder are one-line errors."""
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(StoreError, match="cannot be read"):
            load_neighbours(path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        save_neighbours(labelled(), tmp_path / "file" / "labelled.knn")
    with pytest.raises(StoreError, match="no labelled queries of version 1"):
        load_neighbours(tmp_path / "file")
