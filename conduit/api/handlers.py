"""Every error of a route, or before one, becomes one shape."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from conduit.api.presence import CallerGoneError
from conduit.api.refusals import Refusal, RefusedError, refusal_of, unread
from conduit.core.errors import ConduitError

_log = logging.getLogger("conduit.api")
_CODES: Mapping[int, tuple[str, str]] = {
    404: ("not_found", "there is nothing at this address; /docs lists what there is"),
    405: ("method_not_allowed", "this address takes another method; /docs lists which"),
}
"""Code and message by status."""
_NO_JSON = "json_invalid"
"""What FastAPI calls a body that cannot be read."""


def handle_errors(app: FastAPI) -> None:
    """Answer errors of routes in OpenAI's shape; :func:`of_anything` has those that nobody foresaw."""
    app.add_exception_handler(ConduitError, _of_conduit)
    app.add_exception_handler(RefusedError, _of_form)
    app.add_exception_handler(RequestValidationError, _of_schema)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(CallerGoneError, _to_nobody)


def explain(errors: Sequence[Mapping[str, Any]]) -> tuple[str, str | None]:
    """The first of pydantic's complaints as a message, and the field it is about.

    Never shows the value: it may be a secret, or long.
    """
    first = errors[0]
    if first["type"] == _NO_JSON:  # whose place is a number of bytes, and no field
        return f"the body is no JSON: {first['ctx']['error']}", None
    inside = [part for part in first["loc"] if part not in {"body", "query", "path"}]
    field = ".".join(map(str, inside))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{field or 'the body'}: {first['msg']}{more}", field or None


async def _of_conduit(_: Request, error: Exception) -> Response:
    assert isinstance(error, ConduitError)
    return refusal_of(error).response()


async def _of_form(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return error.refusal.response()


async def _of_schema(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    declared = request.headers.get("content-type", "")
    if first["loc"] == ("body",) and first["type"] != "missing" and not _is_json(declared):
        return unread(declared).response()
    message, field = explain(error.errors())
    code = "invalid_json" if first["type"] == _NO_JSON else "invalid_value"
    return Refusal(status=422, message=message, code=code, param=field).response()


def _is_json(content_type: str) -> bool:
    """Whether a body that is declared so is read as JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


async def _to_nobody(_: Request, _error: Exception) -> Response:
    """Whatever is said now is not sent."""
    return Response(status_code=408)


async def _of_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, message = _CODES.get(error.status_code, ("bad_request", str(error.detail)))
    return Refusal(
        status=error.status_code,
        message=message,
        code=code,
        headers=error.headers or {},
    ).response()


async def of_anything(request: Request, error: Exception) -> Response:
    """Answer an error that nobody foresaw: the caller learns nothing of it, the log its place."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    _log.error(
        "%s %s failed: %r at %s:%s",
        request.method,
        request.url.path,
        error,
        place.filename,
        place.lineno,
    )
    return Refusal(
        status=500,
        message="the server failed at this request; its log says why",
        type="api_error",
        code="internal_error",
    ).response()
