"""Servers that any test may ask for; they start with the first test that does."""

from __future__ import annotations

from tests.servers.redis import own_redis_server, redis_server

__all__ = ["own_redis_server", "redis_server"]
