"""The demo's own database: a file that says it is one, so that nothing else is ever deleted."""

from __future__ import annotations

import asyncio
import hashlib
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from conduit.core.errors import InvalidInputError, StoreError
from conduit.datasets.recorded import RecordedOutcomes
from conduit.settings import Settings
from conduit.stores.sql import SQLStore
from conduit.stores.sql_address import expanded
from conduit.stores.sql_errors import translated

MARK = 0x436F4465
"""SQLite's ``application_id`` of a demo database ("CoDe"); it stands in the file's header."""

_MAGIC = b"SQLite format 3\0"
_MARK_AT = slice(68, 72)
_SIDE_FILES = ("", "-wal", "-shm")


class DemoStore(SQLStore):
    """A store in a demo database, which is made, or made anew, when it is opened.

    A router opens its store last. So an encoder that is missing, or an unknown policy, leaves
    what ``fresh`` would have deleted as it was.

    Args:
        path: the file.
        fresh: delete what it holds first.

    Raises:
        StoreError: when a file is there that is no demo database.
    """

    def __init__(self, path: Path, *, fresh: bool) -> None:
        super().__init__(path)
        self._path = path
        self._fresh = fresh
        check_demo_database(path)

    async def open(self) -> None:
        """Make the file where it is missing, then connect; see :class:`SQLStore`."""
        fresh, self._fresh = self._fresh, False
        await asyncio.to_thread(_prepare, self._path, fresh=fresh)
        await super().open()


def demo_path(given: str | None, settings: Settings, outcomes: RecordedOutcomes | None) -> Path:
    """Where the demo learns: the given file, else one of its own per data set.

    Args:
        given: from the caller.
        settings: name the data folder, and the service's database, which is refused.
        outcomes: the data, as the file holds them; None for the demo's own.

    Raises:
        InvalidInputError: for an address that is no file, or for the service's database.
        ConfigurationError: for a path in a home folder that is unknown.
    """
    if given is None:
        return settings.data_dir / _name_for(outcomes)
    if "://" in given or not given.strip():
        raise InvalidInputError(
            f"database={given!r} is no file", remedy="give the demo a SQLite file of its own"
        )
    path = expanded(given).resolve()
    if path == expanded(settings.database_path).resolve():
        raise InvalidInputError(
            f"database={given!r} is the service's own",
            remedy="give the demo another file, or leave --database away",
        )
    return path


def check_demo_database(path: Path) -> None:
    """Make sure that the file is absent, empty, or a demo database.

    Raises:
        StoreError: otherwise.
    """
    try:
        header = _header(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror})", remedy="choose another file"
        ) from None
    marked = header.startswith(_MAGIC) and header[_MARK_AT] == MARK.to_bytes(4, "big")
    if header and not marked:
        raise StoreError(
            f"{path} is not a database of the demo",
            remedy="choose another file; the demo neither uses nor deletes this one",
        )


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(100)


def _prepare(path: Path, *, fresh: bool) -> None:
    check_demo_database(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if fresh:
            for ending in _SIDE_FILES:
                Path(f"{path}{ending}").unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror})", remedy="choose another file"
        ) from None
    if not path.exists() or not path.stat().st_size:
        _mark(path)


def _mark(path: Path) -> None:
    with translated(str(path)), closing(sqlite3.connect(path)) as conn:
        conn.execute(f"PRAGMA application_id = {MARK}")


def _name_for(outcomes: RecordedOutcomes | None) -> str:
    """One file per data set: by its content, so that a copy elsewhere is the same data."""
    if outcomes is None:
        return "demo.db"
    digest = hashlib.sha256()
    for words in (outcomes.models, outcomes.query_ids, outcomes.texts):
        digest.update(repr(words).encode("utf-8", "backslashreplace"))
    digest.update(outcomes.quality.tobytes() + outcomes.cost.tobytes())
    slug = re.sub(r"[^a-z0-9]+", "-", outcomes.name.lower()).strip("-")[:40] or "data"
    return f"demo-{slug}-{digest.hexdigest()[:8]}.db"
