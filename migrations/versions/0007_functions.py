"""Functions for those who come over REST, where a transaction is one call: PostgreSQL only."""

from __future__ import annotations

from pathlib import Path

from alembic import context, op

from conduit.stores.sql_migrations import in_schema

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).parent / "functions_0007"
FILES = ("log.sql", "learning.sql", "sharing.sql", "access.sql")
FUNCTIONS = (
    *("conduit_add_execution", "conduit_append", "conduit_bind_layout", "conduit_count"),
    *("conduit_decision", "conduit_document", "conduit_edits", "conduit_executions"),
    *("conduit_hold", "conduit_learn", "conduit_log", "conduit_observe", "conduit_pending"),
    *("conduit_pulse", "conduit_put_document", "conduit_revision", "conduit_sources"),
    "conduit_state",
)


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for name in FILES:
        new = (FOLDER / name).read_text(encoding="utf-8")
        if not context.is_offline_mode():
            new = in_schema(op.get_bind(), new)
        op.execute(new.strip().removesuffix(";"))


def downgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
