"""Alembic's entry: migrates over the connection it is handed, inside the caller's transaction."""

from __future__ import annotations

from alembic import context

from conduit.core.errors import ConfigurationError
from conduit.stores.sql_schema import metadata

given = context.config.attributes

if context.is_offline_mode():
    context.configure(
        dialect_name=given.get("dialect", "postgresql"),
        target_metadata=metadata,
        literal_binds=True,
        transactional_ddl=True,
    )
elif "connection" in given:
    context.configure(
        connection=given["connection"], target_metadata=metadata, render_as_batch=True
    )
else:
    raise ConfigurationError("Alembic was run by itself", remedy="run ./migrate.sh instead")

with context.begin_transaction():
    context.run_migrations()
