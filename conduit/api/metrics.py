"""``GET /metrics`` for Prometheus, where its client is installed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from conduit.api.gateway import opened
from conduit.api.schemas import ERRORS

routes = APIRouter(tags=["Health"], responses=ERRORS)


@routes.get("/metrics", summary="Totals for Prometheus", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """In Prometheus's text format."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415 - an extra

    registry = opened(request.scope).registry
    assert registry is not None
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
