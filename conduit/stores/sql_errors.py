"""The one place where a database's complaints become Conduit's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Error as SQLiteError

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    SQLAlchemyError,
    StatementError,
)

from conduit.core.errors import InvalidInputError, StoreError

_ANEW = "restore a copy, or move it away to start anew"
_NO_ROOM = ("has no room left on its disk", "free some space and try again")
_LACKS = ("lacks a table or a column", _ANEW)

_LATE = "57014"
_CUT = "57P"
_STATES = {  # of PostgreSQL, in any language: the first characters of its SQLSTATE
    "28": ("refuses this user or password", "put the right ones into DATABASE_URL"),
    "3D000": ("does not exist", "create it, or choose another database"),
    "25006": (
        "may not be written",
        "connect to the primary server, and as a role that may write",
    ),
    "42501": (
        "may not be used by this role",
        "connect as the role that made its tables (see migrations/DEPLOYMENT.md)",
    ),
    "42P01": _LACKS,
    "42703": _LACKS,
    "53100": _NO_ROOM,
    "53300": ("has no connection left", "raise its max_connections, or use its pooler"),
    "40001": ("was changed by another transaction at the same time", "try again"),
    "40P01": ("was held by another transaction", "try again"),
    "55P03": ("is held by another process", "wait until it is done, or end it, and try again"),
    _LATE: (
        "did not answer in time, or was told to stop",
        "try again: nothing counts twice; CONDUIT_DATABASE_TIMEOUT says how long it may take",
    ),
    _CUT: ("cut the connection before it answered", "try again: nothing counts twice"),
}
_NUL = ("NUL (0x00)", "\\u0000 cannot be converted")
_UNFIT_STATES = ("54000", "42804", "42846")  # text too long for an index, or of another type
_UNFIT = ("error binding parameter", "cannot adapt type")  # of drivers, before anything is sent
_ABSENT = ("does not exist",)
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
        ("readonly database",),
        "may not be written",
        "allow writing to the file and its folder, or choose another database",
    ),
    (
        ("database is locked",),
        *_STATES["55P03"],
    ),
    (("disk is full",), *_NO_ROOM),
    (  # A full disk says this where no room is left for the files beside the database.
        ("disk i/o error",),
        "cannot be read or written: disk I/O error",
        "check that its disk has room and is healthy, and try again",
    ),
    (("malformed", "disk image"), "is damaged", _ANEW),
    (("no such table", "no such column", "has no column"), *_LACKS),
    # A connection that fails has no SQLSTATE; the server's words are those of its language.
    (("password authentication failed", "no password supplied"), *_STATES["28"]),
    (_ABSENT, *_STATES["3D000"]),
    (
        ("resolve host", "translate host", "name or service not known"),
        "names a host that does not exist",
        "check the host in DATABASE_URL",
    ),
    (
        ("refused", "timeout expired", "timed out", "unreachable", "no route to host"),
        "cannot be reached",
        "check its host and port, and that the server runs",
    ),
    (
        ("starting up", "shutting down", "recovery mode"),
        "is starting or stopping",
        "wait a moment and try again",
    ),
    (("too many clients", "connection slots"), *_STATES["53300"]),
    (
        ("closed the connection", "connection is lost", "connection is closed", "eof detected"),
        *_STATES[_CUT],
    ),
)


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn what SQLAlchemy or a driver raises inside into a :class:`StoreError` about ``place``.

    Raises:
        StoreError: naming the place, what is wrong with it and the remedy.
        InvalidInputError: for a value that the database has no way to keep, and text that is not
            Unicode.
    """
    try:
        yield
    except (SQLAlchemyError, SQLiteError) as error:
        if any(fragment in str(error) for fragment in _NUL):
            raise InvalidInputError("text with a NUL character", remedy="leave it out") from None
        if _is_unfit(error):
            raise _unfit(getattr(error, "orig", None) or error, place) from None
        raise _store_error(error, place) from None
    except OverflowError as error:  # of SQLite's driver
        raise _unfit(error, place) from None
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{error.object[:40]!r} is not Unicode text", remedy="pass text without lone surrogates"
        ) from None


def was_cut(error: DBAPIError) -> bool:
    """Whether the connection is gone, which a driver may not know yet when the server has said so."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or state.startswith(_CUT)


def was_late(error: BaseException | None) -> bool:
    """Whether the server gave a statement up because it took too long."""
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlstate", None) == _LATE


def _is_unfit(error: SQLAlchemyError | SQLiteError) -> bool:
    """Whether it is about a value, and not about the database."""
    if isinstance(error, StatementError) and not isinstance(error, DBAPIError):
        return True  # the statement's values could not be written down for a driver
    cause = getattr(error, "orig", None) or error
    return (
        isinstance(error, DataError | IntegrityError)
        or getattr(cause, "sqlstate", None) in _UNFIT_STATES
        or any(fragment in str(cause).lower() for fragment in _UNFIT)
    )


def _unfit(error: BaseException, place: str) -> InvalidInputError:
    """A value that will be refused as often as it is given."""
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return InvalidInputError(f"{place} cannot keep a value: {first}", remedy="give another value")


def _store_error(error: SQLAlchemyError | SQLiteError, place: str) -> StoreError:
    cause = getattr(error, "orig", None) or error
    said = str(cause).strip()
    state = getattr(cause, "sqlstate", None) or ""
    for start, (problem, remedy) in _STATES.items():
        if state.startswith(start):
            return StoreError(f"{place} {problem}", remedy=remedy)
    for fragments, problem, remedy in _KNOWN:
        if state and fragments is _ABSENT:
            continue  # something else does not exist; the server has said which
        if any(fragment in said.lower() for fragment in fragments):
            return StoreError(f"{place} {problem}", remedy=remedy)
    first = said.splitlines()[0] if said else type(error).__name__
    return StoreError(
        f"{place} failed: {first}", remedy="check the address and that it is reachable"
    )
