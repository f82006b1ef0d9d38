"""Over REST as over a connection, a layout that was bound is not compared anew: PostgreSQL only."""

from __future__ import annotations

from pathlib import Path

from alembic import context, op

from conduit.stores.sql_migrations import in_schema

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent
BEGINNING, END = "CREATE FUNCTION conduit_append(", "END $$;"


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("DROP FUNCTION conduit_append(json, json)")
    new = (HERE / "functions_0011" / "append.sql").read_text(encoding="utf-8")
    if not context.is_offline_mode():
        new = in_schema(op.get_bind(), new)
    op.execute(new.strip().removesuffix(";"))


def downgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("DROP FUNCTION conduit_append(json, json, text, integer)")
    log = (HERE / "functions_0007" / "log.sql").read_text(encoding="utf-8")
    if not context.is_offline_mode():
        log = in_schema(op.get_bind(), log)
    before = log[log.index(BEGINNING) :]
    op.execute(before[: before.index(END) + len(END)].removesuffix(";"))
