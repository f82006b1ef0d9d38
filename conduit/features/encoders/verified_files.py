"""Files that are known by their SHA-256: checking them, and keeping them in a cache folder.

A cached file carries its own hash in its name, so the name says what it must hold, and two
processes that write the same file at once write the same bytes.
"""

from __future__ import annotations

from hashlib import file_digest, sha256
from pathlib import Path
from uuid import uuid4

from conduit.core.errors import ConfigurationError


def cache_name(stem: str, digest: str, suffix: str) -> str:
    """Name of a cached file of that content: ``stem.digest.suffix``."""
    return f"{stem}.{digest}{suffix}"


def require_own_hash(path: Path) -> Path:
    """The path of a cached file, once its content is known to be what its name says.

    Raises:
        ConfigurationError: naming the file and both hashes.
    """
    return require_hash(path, path.stem.rpartition(".")[2])


def require_hash(path: Path, expected: str) -> Path:
    """The path itself, once its content is known to be the expected one.

    Raises:
        ConfigurationError: naming the file and both hashes, or the file that cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror})", remedy="install or fetch it anew"
        ) from error
    _compare(str(path), found, expected)
    return path


def require_hash_of(data: bytes, expected: str, *, source: str) -> bytes:
    """The data itself, once known to be the expected ones.

    Raises:
        ConfigurationError: naming the source and both hashes.
    """
    _compare(source, sha256(data).hexdigest(), expected)
    return data


def store(data: bytes, path: Path) -> Path:
    """Write a file so that it is there whole or not at all, and return its path.

    Raises:
        ConfigurationError: when the folder cannot be written to.
    """
    try:
        write_whole(data, path)
    except OSError as error:
        raise ConfigurationError(
            f"cache folder {str(path.parent)!r} cannot be written to ({error.strerror})",
            remedy=f"name a writable cache folder with {len(data) // 10**6 + 1} MB to spare",
        ) from error
    return path


def write_whole(data: bytes, path: Path) -> None:
    """Write a file beside its place and move it there; its folder is made when missing.

    Raises:
        OSError: when the place cannot be written to.
    """
    scratch = path.with_name(f".{uuid4().hex}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        scratch.write_bytes(data)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _compare(name: str, found: str, expected: str) -> None:
    if found != expected:
        raise ConfigurationError(
            f"{name} has SHA-256 {found} where {expected} is expected",
            remedy="delete it and get it anew from a source you trust",
        )
