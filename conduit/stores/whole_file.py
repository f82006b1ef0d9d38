"""Files of a store that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from conduit.core.errors import StoreError
from conduit.features.encoders import verified_files


def write_whole(path: Path, data: bytes) -> None:
    """Write a file; its folder is made when missing.

    Raises:
        StoreError: when the place cannot be written to.
    """
    try:
        verified_files.write_whole(data, path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror})", remedy="choose another place"
        ) from error
    except ValueError:  # of a path without a name, as "." and "/"
        raise StoreError(f"{str(path)!r} names no file", remedy="give a file's name") from None
