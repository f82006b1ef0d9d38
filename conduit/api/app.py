"""The server as an ASGI app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.routing import Route

import conduit
from conduit.api import (
    admin_budgets,
    admin_models,
    chat,
    conductor,
    conductor_budgets,
    conductor_records,
    conductor_reports,
    cost_aware,
    feedback,
    health,
    metrics,
    models,
    own,
    stats,
)
from conduit.api.gateway import Gateway
from conduit.api.guards.access import Access
from conduit.api.guards.body import BodyLimit
from conduit.api.guards.envelope import Envelope
from conduit.api.guards.rate import RateLimit
from conduit.api.guards.startup import Startup
from conduit.api.handlers import handle_errors, of_anything
from conduit.api.metrics_registry import available
from conduit.api.openapi import TAGS, Documented
from conduit.api.opening import Opening, open_router
from conduit.settings import Settings


def create_app(settings: Settings | None = None, *, opening: Opening = open_router) -> FastAPI:
    """The server; it opens one router when it is started, and closes it when it is stopped.

    Args:
        settings: None reads the environment and ``.env`` when it is started.
        opening: makes the router, whose events go to the given subscribers.
    """
    gateway = Gateway(settings, opening)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with gateway.open():
            yield

    app = Documented(
        title="Conduit",
        version=conduit.__version__,
        summary="Decides for every prompt which LLM should answer it.",
        openapi_tags=TAGS,
        lifespan=lifespan,
        middleware=[
            Middleware(Startup),
            Middleware(Envelope),
            # FastAPI's own is outside of all, where neither answer nor log line has the request's id.
            Middleware(ServerErrorMiddleware, handler=of_anything),
            *(Middleware(guard) for guard in (Access, RateLimit, BodyLimit)),
        ],
    )
    app.state.gateway = gateway
    handle_errors(app)
    app.router.routes.insert(0, Route(chat.PATH, chat.ChatCompletions(), methods=["POST"]))
    for part in (models, own, feedback, stats, admin_models, admin_budgets, health):
        app.include_router(part.routes)
    for other in (conductor, conductor_budgets, conductor_records, conductor_reports, cost_aware):
        app.include_router(other.routes)
    if available():
        app.include_router(metrics.routes)
    return app
