"""Which request is being served: a name that log lines and spans carry along."""

from __future__ import annotations

from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("conduit_request_id", default=None)
"""Id of the request that the running task serves; whoever takes requests in sets it."""
