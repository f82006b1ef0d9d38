"""The one place where a database's complaints become Conduit's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Error as SQLiteError

from sqlalchemy.exc import SQLAlchemyError

from conduit.core.errors import InvalidInputError, StoreError

_KNOWN = (
    (
        ("not a database",),
        "is not a database",
        "choose another file, or move this one away",
    ),
    (
        ("unable to open database",),
        "cannot be opened",
        "check that it names a file in a folder that may be written",
    ),
    (
        ("readonly database", "read-only transaction", "permission denied"),
        "may not be written",
        "allow writing to the file and its folder, or choose another database",
    ),
    (
        ("database is locked", "lock timeout"),
        "is held by another process",
        "wait until it is done, or end it, and try again",
    ),
    (
        ("disk is full",),
        "has no room left on its disk",
        "free some space and try again",
    ),
    (
        ("malformed", "disk image"),
        "is damaged",
        "restore a copy, or move it away to start anew",
    ),
    (
        ("no such table", "no such column", "has no column", "does not exist"),
        "lacks a table or a column",
        "restore a copy, or move it away to start anew",
    ),
)


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn what SQLAlchemy or a driver raises inside into a :class:`StoreError` about ``place``.

    Raises:
        StoreError: naming the place, what is wrong with it and the remedy.
        InvalidInputError: for text that is not Unicode.
    """
    try:
        yield
    except (SQLAlchemyError, SQLiteError) as error:
        raise _store_error(error, place) from None
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{error.object[:40]!r} is not Unicode text", remedy="pass text without lone surrogates"
        ) from None


def _store_error(error: SQLAlchemyError | SQLiteError, place: str) -> StoreError:
    said = str(getattr(error, "orig", None) or error).strip()
    for fragments, problem, remedy in _KNOWN:
        if any(fragment in said.lower() for fragment in fragments):
            return StoreError(f"{place} {problem}", remedy=remedy)
    first = said.splitlines()[0] if said else type(error).__name__
    return StoreError(
        f"{place} failed: {first}", remedy="check the address and that it is reachable"
    )
