r"""Labelled queries in a file: no pickle, and read only when its SHA-256 is right.

Layout: one line of ASCII, ``conduit-neighbours 1 `` and the SHA-256 of everything after the line
break in hexadecimal; then an uncompressed npz archive of ``encoder`` (text), ``arms`` (K texts),
``k`` (integer), ``embeddings`` (n, D) float32 and ``quality`` (n, K) float64. No prompt is in it.
The hash shows damage. Against an exchanged file, keep the digest that saving returned and ask for
it when loading.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from conduit.bandits.neighbours import NearestNeighbours
from conduit.core.errors import ConfigurationError, InvalidInputError, StoreError
from conduit.features.encoders.verified_files import require_hash_of
from conduit.stores.whole_file import write_whole

MAGIC = b"conduit-neighbours 1 "
_AGAIN = "fit and save it again"


def save_neighbours(neighbours: NearestNeighbours, path: str | Path) -> str:
    """Write a file, whole or not at all; its digest.

    Raises:
        StoreError: when the place cannot be written to.
    """
    stream = io.BytesIO()
    np.savez(
        stream,
        allow_pickle=False,
        encoder=np.array(neighbours.encoder),
        arms=np.array(neighbours.arms),
        k=np.array(neighbours.k),
        embeddings=neighbours.embeddings.astype("<f4"),
        quality=neighbours.quality.astype("<f8"),
    )
    data = stream.getvalue()
    digest = sha256(data).hexdigest()
    write_whole(Path(path), MAGIC + digest.encode() + b"\n" + data)
    return digest


def load_neighbours(path: str | Path, *, digest: str | None = None) -> NearestNeighbours:
    """Read a file back.

    Args:
        path: the file.
        digest: what :func:`save_neighbours` answered, to refuse any other file.

    Raises:
        StoreError: for a file that is absent, damaged, cut short, no such file, or another one.
    """
    path = Path(path)
    try:
        header, _, data = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror})",
            remedy="give the path of a file that save_neighbours wrote",
        ) from error
    if not header.startswith(MAGIC):
        raise StoreError(f"{path} holds no labelled queries of version 1", remedy=_AGAIN)
    stated = header.removeprefix(MAGIC).decode("ascii", "replace")
    try:
        for expected in (stated, digest or stated):
            require_hash_of(data, expected, source=str(path))
    except ConfigurationError as error:
        raise StoreError(error.problem, remedy=_AGAIN) from error
    return _parsed(path, data)


def _parsed(path: Path, data: bytes) -> NearestNeighbours:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return _neighbours(arrays)
    except (ValueError, KeyError, EOFError, BadZipFile, InvalidInputError) as error:
        raise StoreError(f"{path} is no archive of labelled queries", remedy=_AGAIN) from error


def _neighbours(arrays: Mapping[str, Any]) -> NearestNeighbours:
    return NearestNeighbours(
        encoder=str(arrays["encoder"]),
        arms=tuple(map(str, arrays["arms"].tolist())),
        embeddings=np.ascontiguousarray(arrays["embeddings"], np.float32),
        quality=np.asarray(arrays["quality"], np.float64),
        k=int(arrays["k"]),
    )
