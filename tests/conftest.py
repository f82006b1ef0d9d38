"""Servers that any test may ask for, started with the first that does; and an end to what hangs."""

from __future__ import annotations

from tests.hanging import (
    pytest_runtest_call,
    pytest_runtest_setup,
    pytest_runtest_teardown,
)
from tests.servers.postgres import (
    databases,
    own_postgres_server,
    postgres_server,
    supabase_server,
)
from tests.servers.redis import own_redis_server, redis_server

__all__ = [
    "databases",
    "own_postgres_server",
    "own_redis_server",
    "postgres_server",
    "pytest_runtest_call",
    "pytest_runtest_setup",
    "pytest_runtest_teardown",
    "redis_server",
    "supabase_server",
]
