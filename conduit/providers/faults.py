"""What a server means by a fault: its kind, its sentence, and when to come back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

from conduit.core.errors import FailureKind

_LONGEST_DETAIL = 300

_KIND_OF_STATUS = {
    401: FailureKind.AUTHENTICATION,
    402: FailureKind.AUTHENTICATION,  # the account cannot pay, at least not for this request
    403: FailureKind.AUTHENTICATION,
    408: FailureKind.TIMEOUT,
    429: FailureKind.RATE_LIMIT,
}

_FILTER_CODES = ("content_filter", "content_policy_violation")
_BUSY_CODES = ("rate_limit_exceeded", "rate_limit_error", "insufficient_quota")
# No sets: a word that is looked up may be anything that JSON has, and lists have no hash.


def kind_of_status(status: int, *, code: object = None, body: object = None) -> FailureKind:
    """The kind of an HTTP fault.

    Args:
        status: of HTTP.
        code: the word that the provider gave it, if any.
        body: what the provider said, decoded or not.
    """
    if status >= 500:
        return FailureKind.SERVER
    if code in _FILTER_CODES or (status == 403 and _is_flagged(body)):
        return FailureKind.CONTENT_FILTER
    if status in _KIND_OF_STATUS:
        return _KIND_OF_STATUS[status]
    if "API_KEY_INVALID" in str(body):  # Google refuses a wrong key with 400
        return FailureKind.AUTHENTICATION
    return FailureKind.BAD_REQUEST


def kind_of_error(error: object) -> FailureKind:
    """The kind of an error object that came where an answer was due, with status 200."""
    fields = error if isinstance(error, dict) else {}
    code, named = fields.get("code"), fields.get("type")
    if (status := status_in(error)) is not None:  # OpenRouter passes it on so
        return kind_of_status(status, body=error)
    if code in _FILTER_CODES or named in _FILTER_CODES:
        return FailureKind.CONTENT_FILTER
    if code in _BUSY_CODES or named in _BUSY_CODES:
        return FailureKind.RATE_LIMIT
    return FailureKind.SERVER


def status_in(error: object) -> int | None:
    """The HTTP status that an error object passes on; None where its code is none."""
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else None


def code_in(body: object) -> object:
    """The provider's word for the fault: ``{"error": {"code": …}}``."""
    error = body.get("error") if isinstance(body, dict) else None
    return error.get("code") if isinstance(error, dict) else None


def sentence_in(body: object) -> str:
    """The sentence inside an error body: ``{"error": {"message": …}}``, or less of it."""
    while isinstance(body, dict):
        body = body.get("error") or body.get("message")
    return body if isinstance(body, str) else ""


def fit_to_show(said: str, *, secrets: Iterable[str]) -> str:
    """What a provider said, on one line of bounded length, with the keys struck out."""
    for secret in filter(None, map(str.strip, secrets)):
        said = said.replace(secret, "***")
    said = " ".join(said.split())
    return said if len(said) <= _LONGEST_DETAIL else f"{said[:_LONGEST_DETAIL]}…"


def seconds_to_wait(retry_after: str | None) -> float | None:
    """The header ``Retry-After`` in seconds from now, never negative; None for none that can be read."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        seconds = _seconds_until(retry_after)
    return max(0.0, seconds) if isfinite(seconds) else None


def _is_flagged(body: object) -> bool:
    """Whether moderation refused the prompt, as OpenRouter says it: ``metadata`` has the reasons."""
    body = body if isinstance(body, dict) else {}
    error = body.get("error", body)  # an SDK hands on what is inside
    told = error.get("metadata") if isinstance(error, dict) else None
    return isinstance(told, dict) and bool(told.get("reasons") or told.get("flagged_input"))


def _seconds_until(date: str) -> float:
    try:
        then = parsedate_to_datetime(date)
    except ValueError:
        return float("nan")
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()
