"""Servers that any test may ask for; they start with the first test that does."""

from __future__ import annotations

from tests.servers.postgres import databases, own_postgres_server, postgres_server

__all__ = ["databases", "own_postgres_server", "postgres_server"]
