"""``GET /metrics`` for Prometheus, where its client is installed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from conduit.api.gateway import opened
from conduit.api.schemas import ERRORS
from conduit.telemetry.metrics import render

routes = APIRouter(tags=["Health"], responses=ERRORS)


@routes.get("/metrics", summary="Totals for Prometheus", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """In Prometheus's text format."""
    registry = opened(request.scope).registry
    assert registry is not None
    body, content_type = render(registry)
    return Response(body, media_type=content_type)
