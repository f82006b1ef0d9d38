r"""Learned state in a file: no pickle, checked as a whole before anything is made of it.

A zip archive without compression of ``manifest.json`` and four arrays over n pairs of arm and
head in contexts of d numbers: ``A.npy`` (n, d(d+1)/2) float64, the upper triangles by rows,
``b.npy`` (n, d) float64, ``scalars.npy`` (n, 3) float64 of yy, weight and landmark, and
``counts.npy`` (n,) int64. The manifest states the format, the layout, the pairs in order and the
SHA-256 of every array. It holds no prompt, no user and no decision.
"""

from __future__ import annotations

import io
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from conduit.core.archive import Archive
from conduit.core.errors import InvalidInputError, StoreError
from conduit.core.forgetting import Forgetting
from conduit.core.outcomes import Head
from conduit.core.statistics import Source, SufficientStatistics
from conduit.stores.delta import StateKey, dimension_of
from conduit.stores.halves import from_upper_half, upper_half
from conduit.stores.whole_file import write_whole

FORMAT = "conduit-learned-state"
VERSION = 1
MANIFEST = "manifest.json"
MOST_MANIFEST = 16 * 2**20
"""Bytes of the longest manifest that is read: some hundred thousand pairs of arm and head."""
MOST_DIM = 4096
MOST_BYTES = 2**30
"""Bytes of the largest file that is read."""

_AGAIN = "export it again with 'conduit db export'"
_NEVER = "never"
_ALL = "all"
"""In the place of an infinite number of ratings, which JSON has no word for."""

Arrays: TypeAlias = Mapping[str, NDArray[Any]]


def save_archive(archive: Archive, path: str | Path) -> str:
    """Write a file, whole or not at all; its SHA-256.

    Raises:
        StoreError: when the place cannot be written to.
    """
    packed = {f"{name}.npy": _npy(array) for name, array in _arrays(archive).items()}
    digests = {name: sha256(data).hexdigest() for name, data in packed.items()}
    manifest = json.dumps(_manifest(archive) | {"sha256": digests}, indent=1).encode()
    stream = io.BytesIO()
    with ZipFile(stream, "w") as file:
        for name, data in ({MANIFEST: manifest} | packed).items():
            file.writestr(ZipInfo(name), data)  # of a fixed date, so that equal is equal
    write_whole(Path(path), stream.getvalue())
    return sha256(stream.getvalue()).hexdigest()


_UNREADABLE = (
    BadZipFile,
    LookupError,
    ValueError,
    TypeError,
    EOFError,
    ArithmeticError,
    RuntimeError,  # a flag that says it was encrypted, or compressed in another way
    zlib.error,
)
"""What reading a file raises that something has changed."""


def load_archive(path: str | Path) -> Archive:
    """Read a file back, bounded in memory by its own size.

    Raises:
        StoreError: for a file that is absent, cut short, changed, of another format version, or
            that holds what no observations add up to.
    """
    path = Path(path)
    data = _read(path)
    try:
        with ZipFile(io.BytesIO(data)) as file:
            manifest = _read_manifest(path, file)
            arrays = _read_arrays(path, file, manifest)
        archive = _archive(manifest, arrays)
        if dimension_of(archive.statistics) != archive.dim:
            raise ValueError("sums of another dimension")
    except InvalidInputError as error:
        raise StoreError(f"{path} cannot be learned from: {error.problem}", remedy=_AGAIN) from None
    except _UNREADABLE as error:
        raise StoreError(f"{path} is no complete export of learned state", remedy=_AGAIN) from error
    return replace(archive, digest=sha256(data).hexdigest())


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise StoreError(f"{path} has {size:,} bytes, no export is so large", remedy=_AGAIN)
        return path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror})",
            remedy="give the path of a file that 'conduit db export' wrote",
        ) from error


def _member(file: ZipFile, name: str, *, most: int) -> bytes:
    """The bytes of one member; archives may claim any size, so no more than that is unpacked."""
    with file.open(name) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise ValueError(f"{name} is too long")
    return data


def _read_manifest(path: Path, file: ZipFile) -> dict[str, Any]:
    manifest = json.loads(_member(file, MANIFEST, most=MOST_MANIFEST))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise StoreError(f"{path} is no export of learned state", remedy=_AGAIN)
    if manifest.get("version") != VERSION:
        raise StoreError(
            f"{path} is of format version {manifest.get('version')!r}, this Conduit reads {VERSION}",
            remedy="upgrade conduit-router, or export it again with this version",
        )
    dim = manifest["dim"]
    if not isinstance(dim, int) or not 0 < dim <= MOST_DIM:
        raise ValueError(f"dim={dim!r}")
    return manifest


def _read_arrays(path: Path, file: ZipFile, manifest: Mapping[str, Any]) -> Arrays:
    arrays = {}
    for name, (shape, dtype) in _shapes(len(manifest["pairs"]), manifest["dim"]).items():
        member = f"{name}.npy"
        most = math.prod(shape) * dtype.itemsize + 1024  # numpy's header is shorter
        data = _member(file, member, most=most)
        if sha256(data).hexdigest() != manifest["sha256"][member]:
            raise StoreError(
                f"{path} was changed: {member} is not what its manifest says", remedy=_AGAIN
            )
        arrays[name] = np.load(io.BytesIO(data), allow_pickle=False)
        if arrays[name].shape != shape or arrays[name].dtype != dtype:
            raise ValueError(f"{member} has another shape")
    return arrays


def _shapes(pairs: int, dim: int) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    number, whole = np.dtype("<f8"), np.dtype("<i8")
    return {
        "A": ((pairs, dim * (dim + 1) // 2), number),
        "b": ((pairs, dim), number),
        "scalars": ((pairs, 3), number),
        "counts": ((pairs,), whole),
    }


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _arrays(archive: Archive) -> Arrays:
    all_sums = list(archive.statistics.values())
    values = {
        "A": [upper_half(sums.A) for sums in all_sums],
        "b": [sums.b for sums in all_sums],
        "scalars": [[sums.yy, sums.weight, sums.landmark] for sums in all_sums],
        "counts": [sums.count for sums in all_sums],
    }
    shapes = _shapes(len(all_sums), archive.dim)
    return {
        name: np.array(values[name], dtype).reshape(shape)
        for name, (shape, dtype) in shapes.items()
    }


def _manifest(archive: Archive) -> dict[str, Any]:
    half_life: float | str | None = archive.half_life
    return {
        "format": FORMAT,
        "version": VERSION,
        "created": archive.created,
        "layout": archive.layout,
        "dim": archive.dim,
        "half_life": _NEVER if half_life == math.inf else half_life,
        "pairs": [list(key) for key in archive.statistics],
        "sources": [_said(source) for source in archive.sources],
        "databases": list(archive.databases),
    }


def _archive(manifest: Mapping[str, Any], arrays: Arrays) -> Archive:
    half_life = manifest["half_life"]
    if half_life is not None:
        half_life = Forgetting(half_life=math.inf if half_life == _NEVER else half_life).half_life
    pairs: list[StateKey] = [(str(arm), Head(head).value) for arm, head in manifest["pairs"]]
    if len(set(pairs)) != len(pairs):
        raise ValueError("a pair of arm and head comes twice")
    return Archive(
        layout=str(manifest["layout"]),
        dim=manifest["dim"],
        half_life=half_life,
        statistics={key: _sums(arrays, row) for row, key in enumerate(pairs)},
        sources=tuple(_source(values) for values in manifest["sources"]),
        databases=tuple(map(str, manifest.get("databases", ()))),
        created=float(manifest["created"]),
    )


def _said(source: Source) -> dict[str, Any]:
    return asdict(source) | {"n_eff": _ALL if source.n_eff == math.inf else source.n_eff}


def _source(values: dict[str, Any]) -> Source:
    counts_all = values["n_eff"] == _ALL
    source = Source(**(values | {"n_eff": math.inf} if counts_all else values))
    numbers = source.prompts, source.absorbed_at
    if math.isnan(source.n_eff) or not all(math.isfinite(float(value)) for value in numbers):
        raise ValueError("a source without numbers")
    return source


def _sums(arrays: Arrays, row: int) -> SufficientStatistics:
    b = arrays["b"][row].astype(np.float64)
    A = from_upper_half(arrays["A"][row], len(b))
    yy, weight, landmark = arrays["scalars"][row].tolist()
    if not math.isfinite(landmark):
        raise ValueError("a landmark that is no time")
    count = int(arrays["counts"][row])
    return SufficientStatistics(A, b, yy, weight, count, landmark)
