"""``/health``: whether the process lives, has started, and can serve. Needs no key."""

from __future__ import annotations

import logging
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from conduit.api.gateway import Opened, opened
from conduit.core.errors import ConduitError, StoreError

_log = logging.getLogger(__name__)
routes = APIRouter(prefix="/health", tags=["Health"])


class Health(BaseModel):
    """How the server is."""

    status: Literal["ok", "unavailable"]
    reason: str | None = None


@routes.get("/live", summary="Whether the process answers at all")
async def live() -> Health:
    """Always, if it answers."""
    return Health(status="ok")


@routes.get(
    "/startup", summary="Whether the server has started", responses={503: {"model": Health}}
)
async def startup(request: Request, response: Response) -> Health:
    """Once encoder, store and what was learned are there."""
    return await _health(request, response, look=False)


@routes.get("/ready", summary="Whether the server can serve", responses={503: {"model": Health}})
async def ready(request: Request, response: Response) -> Health:
    """While the store answers."""
    return await _health(request, response, look=True)


@routes.get("", include_in_schema=False)
async def health(request: Request, response: Response) -> Health:
    """The same as ``/health/ready``."""
    return await _health(request, response, look=True)


async def _health(request: Request, response: Response, *, look: bool) -> Health:
    try:
        server = opened(request.scope)
        if look:
            await _look(server)
    except ConduitError as error:
        _log.warning("not ready: %s", error)
        response.status_code = 503
        return Health(status="unavailable", reason=_told(error))
    return Health(status="ok")


def _told(error: ConduitError) -> str:
    """What may be said without a key; where the store is, and what is wrong, is in the log."""
    return "the store does not answer" if isinstance(error, StoreError) else error.problem


async def _look(server: Opened) -> None:
    engine = await server.router.open()
    await engine.parts.store.pulse()
