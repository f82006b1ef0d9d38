"""Before a server is open nobody is served, and a start that fails is said in one line."""

from __future__ import annotations

import sys

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conduit.api.gateway import NotOpenError, is_started
from conduit.api.guards.access import is_open
from conduit.api.refusals import refusal_of
from conduit.core.errors import ConduitError


class Startup:
    """Turns away whoever is early, and tells a server of a ConduitError what it says, in the place of a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand everything on."""
        if scope["type"] == "http" and not is_started(scope) and not is_open(scope):
            await refusal_of(NotOpenError()).response()(scope, receive, send)
            return
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def briefly(message: Message) -> None:
            error = sys.exception()  # that is being handled by whoever sends this
            if "message" in message and isinstance(error, ConduitError):
                message["message"] = str(error)
            await send(message)

        await self._app(scope, receive, briefly)
