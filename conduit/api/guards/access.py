"""Who may come in: whoever brings a key, or, where none is set, whoever is on this machine."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from conduit.api.gateway import opened
from conduit.api.guards.origin import is_foreign
from conduit.api.keys import Doors, presented_key
from conduit.api.paths import within
from conduit.api.refusals import Refusal
from conduit.core.addresses import is_loopback

OPEN = "/health"
"""What anybody may ask."""
ADMIN = "/v1/admin"
"""What an administrator may ask."""
_BEARER = {"www-authenticate": "Bearer"}


class Access:
    """Turns away whoever may not come in, and names the key of whoever may."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it before a byte of its body is read."""
        if scope["type"] == "http" and not is_open(scope):
            refusal = _refusal(scope, opened(scope).doors)
            if refusal is not None:
                await refusal.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_open(scope: Scope) -> bool:
    """Whether anybody may ask this, however often; nothing of a body is read there."""
    return within(scope, OPEN)


def _refusal(scope: Scope, doors: Doors) -> Refusal | None:
    presented = presented_key(scope["headers"])
    if not doors.api and not _is_local(scope):
        return _denied(
            "no key is set, so only this machine is served; "
            "set CONDUIT_API_KEY and send it as 'Authorization: Bearer KEY'"
        )
    if not doors.api and is_foreign(scope["headers"]):
        return _denied(
            "no key is set, so no page of another site is served; "
            "set CONDUIT_API_KEY and send it as 'Authorization: Bearer KEY'"
        )
    if within(scope, ADMIN):
        return _at_admin_door(scope, doors, presented)
    scope["conduit_key"] = name = doors.caller(presented)
    return _unknown(presented, "CONDUIT_API_KEY") if doors.api and name is None else None


def _at_admin_door(scope: Scope, doors: Doors, presented: bytes | None) -> Refusal | None:
    if not doors.admin:
        return _denied("no administrator's key is set; set CONDUIT_ADMIN_KEY and send it")
    scope["conduit_key"] = name = doors.admin.recognise(presented)
    if name is not None:
        return None
    if doors.api.recognise(presented) is not None:
        return _denied("this key may not change the server; send the one of CONDUIT_ADMIN_KEY")
    return _unknown(presented, "CONDUIT_ADMIN_KEY")


def _denied(message: str) -> Refusal:
    return Refusal(status=403, message=message, type="permission_error", code="forbidden")


def _unknown(presented: bytes | None, variable: str) -> Refusal:
    problem = "no key was sent" if presented is None else "this key is unknown"
    return Refusal(
        status=401,
        message=f"{problem}; send the one of {variable} as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'",
        type="authentication_error",
        code="invalid_api_key",
        headers=_BEARER,
    )


def _is_local(scope: Scope) -> bool:
    """Whether a connection came to this machine's own address, and its caller meant that.

    A page of another site can have its name lead to 127.0.0.1, but cannot change the Host header.
    """
    server = scope.get("server")
    if server is None:
        return False
    if server[0].startswith("/"):  # a Unix socket
        return True
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return is_loopback(server[0]) and all(is_loopback(_without_port(host)) for host in hosts)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
