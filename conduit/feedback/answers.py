"""Answers that are no answers: failures that arrive as text with status 200.

Only a *whole* answer counts, and only in a form that machines write and models hardly ever do.
Shortness is no failure: "4" answers "What is 2+2?". An answer that discusses, quotes or contains
an error is an answer, and so is a bare "503 Service Unavailable", which is right when the question
was what a proxy says. What slips through costs one bad answer; a false alarm would punish a good
model, so every doubt is decided for the model.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus

from conduit.core.errors import FailureKind

_LONGEST = 8000
_INVISIBLE = re.compile(r"[\s\u200b-\u200d\u2060\ufeff]+")

_ENVELOPE_KEYS = {"error", "type", "request_id", "status", "statusCode", "timestamp", "path"}
_ERROR_KINDS = ("type", "code", "status")

_SDK_MESSAGE = re.compile(r"Error code: [45]\d\d - \{'error': .*'message': .*\}", re.DOTALL)
_GATEWAY_LINE = re.compile(
    r"error code: (?:5\d\d|10\d\d)"
    r"|upstream connect error or disconnect/reset before headers\. .{0,300}"
    r"|no healthy upstream"
)
_HTML = re.compile(r"(?:<!doctype html[^>]*>\s*)?<html>.*</html>", re.IGNORECASE | re.DOTALL)
_WRITTEN_BY_HAND = re.compile(r"<(?:meta|style|script|link)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title>([^<]*)</title>", re.IGNORECASE)
_HEADING = re.compile(r"<h1>([^<]*)</h1>", re.IGNORECASE)
_STATUS_LINE = re.compile(r"(?:408|429|5\d\d) [A-Za-z -]+")

_TRACEBACK_HEAD = "Traceback (most recent call last):"
_TRACEBACK_LINE = re.compile(
    r"\s.*|"
    + re.escape(_TRACEBACK_HEAD)
    + r"|The above exception was the direct cause of the following exception:"
    r"|During handling of the above exception, another exception occurred:"
    r"|[A-Za-z_][\w.]*(?:Error|Exception|Timeout)(?:: .*)?"
)
_INSTALLED_FRAME = re.compile(r"^[ \t]+File \".*[/\\](?:site|dist)-packages[/\\]", re.MULTILINE)


def answer_failure(text: str) -> FailureKind | None:
    """Why an answer is a failure in disguise; None for every real answer.

    Failures are: nothing but white space or invisible characters (``EMPTY``); and, as ``SERVER``,
    when it is all there is,

    - a provider's error envelope: a JSON object whose ``error`` is an object with a ``message``
      and a ``type``, ``code`` or ``status``, also behind an SDK's ``Error code: 429 - ``;
    - a web framework's error body: ``{"detail": "Internal Server Error"}``, or an ``error`` that
      is a reason phrase beside its own numeric ``status``;
    - a gateway's error page: HTML whose only heading, and title, is a status line, and which has
      none of the ``meta``, ``style``, ``script`` and ``link`` of a page that somebody wrote;
    - a gateway's one-line message;
    - a Python traceback with a frame inside an installed package, which a proxy prints and an
      explanation of somebody's script does not.

    Args:
        text: the answer, as it came.
    """
    stripped = text.strip()
    if not _INVISIBLE.sub("", stripped):
        return FailureKind.EMPTY
    if len(stripped) > _LONGEST:
        return None
    return FailureKind.SERVER if any(form(stripped) for form in _FORMS) else None


def _is_error_object(text: str) -> bool:
    if not (text.startswith("{") and text.endswith("}")):
        return False
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return _is_envelope(body) or _is_framework_body(body)


def _is_envelope(body: dict[str, object]) -> bool:
    error = body.get("error")
    if not isinstance(error, dict) or not body.keys() <= _ENVELOPE_KEYS:
        return False
    return isinstance(error.get("message"), str) and any(error.get(key) for key in _ERROR_KINDS)


def _is_framework_body(body: dict[str, object]) -> bool:
    if body.keys() == {"detail"}:
        return body["detail"] == HTTPStatus.INTERNAL_SERVER_ERROR.phrase
    status = body.get("status", body.get("statusCode"))
    if not isinstance(status, int) or not 400 <= status < 600 or status not in set(HTTPStatus):
        return False
    return body.get("error") == HTTPStatus(status).phrase


def _is_sdk_message(text: str) -> bool:
    return _SDK_MESSAGE.fullmatch(text) is not None


def _is_error_page(text: str) -> bool:
    if not _HTML.fullmatch(text) or _WRITTEN_BY_HAND.search(text):
        return False
    titles = {title.strip() for title in _TITLE.findall(text)}
    headings = {heading.strip() for heading in _HEADING.findall(text)}
    if len(headings) != 1 or not titles <= headings:
        return False
    return _STATUS_LINE.fullmatch(headings.pop()) is not None


def _is_gateway_line(text: str) -> bool:
    return _GATEWAY_LINE.fullmatch(text) is not None


def _is_proxy_traceback(text: str) -> bool:
    if not text.startswith(_TRACEBACK_HEAD + "\n") or not _INSTALLED_FRAME.search(text):
        return False
    lines = text.splitlines()
    if lines[-1][:1].isspace():
        return False
    return all(not line or _TRACEBACK_LINE.fullmatch(line) for line in lines)


_FORMS = (_is_error_object, _is_sdk_message, _is_error_page, _is_gateway_line, _is_proxy_traceback)
