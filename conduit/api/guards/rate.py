"""How often one caller may ask: a bucket of tokens for each."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from conduit.api.gateway import opened
from conduit.api.guards.access import is_open
from conduit.api.refusals import Refusal

MOST_CALLERS = 10_000
"""Buckets that are kept; the one not used for the longest goes first."""


class Buckets:
    """One bucket per caller: it holds a minute's requests, and fills evenly.

    Args:
        per_minute: requests; also how many may come at once.
        clock: seconds that never go back.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = per_minute
        self._rate = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """Seconds until the caller may ask; 0 when it may now, and one request is then counted."""
        now = self._clock()
        level, at = self._buckets.pop(caller, (float(self._capacity), now))
        level = min(level + (now - at) * self._rate, self._capacity)
        wait = 0.0 if level >= 1 else (1 - level) / self._rate
        self._buckets[caller] = (level if wait else level - 1, now)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        return wait


class RateLimit:
    """Turns away whoever asks too often: by key, or by address where none was sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._buckets: Buckets | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or say when to come back."""
        if scope["type"] != "http" or is_open(scope):
            await self._app(scope, receive, send)
            return
        most = opened(scope).settings.requests_per_minute
        wait = 0.0 if most is None else self._bucket(most).take(_caller(scope))
        if wait:
            await _refusal(most, wait).response()(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _bucket(self, per_minute: int) -> Buckets:
        if self._buckets is None:
            self._buckets = Buckets(per_minute)
        return self._buckets


def _caller(scope: Scope) -> str:
    client = scope.get("client")
    return scope.get("conduit_key") or (str(client[0]) if client else "")


def _refusal(most: int | None, wait: float) -> Refusal:
    return Refusal(
        status=429,
        message=f"more than {most} requests a minute; wait {wait:.1f} s",
        type="rate_limit_error",
        code="rate_limit_exceeded",
        headers={"retry-after": str(math.ceil(wait))},
    )
