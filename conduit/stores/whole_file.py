"""Files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from conduit.core.errors import StoreError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place and move it there; its folder is made when missing.

    Raises:
        StoreError: when the place cannot be written to.
    """
    scratch = path.with_name(f".{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            scratch.write_bytes(data)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror})", remedy="choose another place"
        ) from error
