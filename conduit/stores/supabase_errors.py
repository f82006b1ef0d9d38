"""The one place where complaints of a Supabase project become Conduit's errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from conduit.core.errors import (
    ConduitError,
    ConfigurationError,
    InvalidInputError,
    StoreError,
    UnknownDecisionError,
)
from conduit.stores.delta import check_layout

if TYPE_CHECKING:
    from postgrest.exceptions import APIError

UNKNOWN_DECISION = "ZC001"
OTHER_LAYOUT = "ZC002"
"""SQLSTATEs of our own, which the functions of the migrations raise."""

_MASK = "********"
_NOT_JSON = "is not JSON serializable"
_WHOLE = 5  # characters of a SQLSTATE; an HTTP status has 3
_SCRIPT = "migrations/001_initial_schema.sql"
_WRONG_KEY = (
    ConfigurationError,
    "refuses this key",
    "copy the service role's key (or a secret key) of this very project into SUPABASE_ANON_KEY",
)
_STATES: dict[str, tuple[type[ConduitError], str, str]] = {
    # The first characters of a SQLSTATE or of a code of PostgREST; an HTTP status where neither is.
    "PGRST202": (
        StoreError,
        "lacks functions of this version",
        f"run ./migrate.sh with its DATABASE_URL, or paste {_SCRIPT} into the SQL editor of an "
        "empty project",
    ),
    "PGRST3": _WRONG_KEY,
    "401": _WRONG_KEY,
    "42501": (
        ConfigurationError,
        "keeps its tables from this key by row level security",
        "give the service role's key (or a secret key), see migrations/DEPLOYMENT.md",
    ),
    "PGRST00": (StoreError, "cannot reach its database", "wait a moment and try again"),
    "57014": (StoreError, "took longer than its statement_timeout", "try again"),
    "57P": (StoreError, "cut the connection; what was not acknowledged is not there", "try again"),
    "40": (StoreError, "was held by another transaction", "try again"),
    "55P03": (StoreError, "is held by another process", "wait until it is done, and try again"),
    "53100": (StoreError, "has no room left on its disk", "free some space and try again"),
    "53": (StoreError, "has no connection left", "try again, or take a larger instance"),
    "54000": (InvalidInputError, "cannot keep a value of this size", "give another value"),
    "25006": (StoreError, "may not be written", "see in the dashboard why it is read-only"),
    "413": (InvalidInputError, "was given more than its gateway lets through", "give less at once"),
    "23": (InvalidInputError, "cannot keep a value that breaks its rules", "give another value"),
    "22P05": (InvalidInputError, "cannot store the character U+0000", "leave it out"),
    "22": (InvalidInputError, "cannot keep a value of this size", "give another value"),
}
_SAID = ((("invalid api key", "no api key", "jwt"), "401"),)  # by the gateway, which has no codes


@contextmanager
def translated(place: str, *, secret: str) -> Iterator[None]:
    """Turn what the client raises inside into one of Conduit's errors about ``place``.

    Raises:
        ConfigurationError: for a key that may not do this.
        StoreError: for a project that cannot be reached or used; ``secret`` is never shown.
        UnknownDecisionError: when the database says so.
        LayoutMismatchError: likewise.
        InvalidInputError: for a value that a database cannot hold.
    """
    import httpx  # noqa: PLC0415 - slow to import
    from postgrest.exceptions import APIError  # noqa: PLC0415 - an extra

    try:
        yield
    except APIError as error:
        raise _of_answer(error, place, secret=secret) from None
    except httpx.ConnectError:
        raise StoreError(
            f"{place} cannot be reached",
            remedy="check SUPABASE_URL, the network, and that the project is not paused",
        ) from None
    except httpx.TimeoutException:
        raise StoreError(
            f"{place} did not answer in time", remedy="check that the project runs, and try again"
        ) from None
    except httpx.HTTPError as error:
        raise StoreError(
            f"{place} broke the connection ({type(error).__name__})", remedy="try again"
        ) from None
    except TypeError as error:
        if _NOT_JSON not in str(error):
            raise
        raise InvalidInputError(
            f"{place} cannot keep a value: {error}", remedy="give another value"
        ) from None
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{error.object[:40]!r} is not Unicode text", remedy="pass text without lone surrogates"
        ) from None


def _of_answer(error: APIError, place: str, *, secret: str) -> ConduitError:
    code, said = error.code or "", error.message or "no reason was given"
    if code == UNKNOWN_DECISION:
        return UnknownDecisionError(str(error.details))
    if code == OTHER_LAYOUT:
        return _mismatch(json.loads(str(error.details)))
    if not code:
        hits = (known for words, known in _SAID if any(word in said.lower() for word in words))
        code = next(hits, "")
    for known, (kind, problem, remedy) in _STATES.items():
        if code == known or (len(code) >= _WHOLE and code.startswith(known)):
            return kind(f"{place} {problem}", remedy=remedy)
    first = said.splitlines()[0].replace(secret, _MASK)
    return StoreError(
        f"{place} failed: {first} ({code or 'no code'})",
        remedy="check SUPABASE_URL and that the project runs",
    )


def _mismatch(layouts: dict[str, tuple[str, int]]) -> ConduitError:
    try:
        check_layout(layouts["declared"], layouts["stored"])
    except ConduitError as error:
        return error
    raise AssertionError(layouts)  # the function compares as we do
