"""What only PostgreSQL has: storage of the sums, vacuuming in time, and row level security."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = (
    *("adjustments", "alembic_version", "arm_state", "audit", "base_state", "changes"),
    *("decisions", "documents", "executions", "meta", "observations", "pending", "sources"),
)

# Float64 sums do not compress, so nothing should try. A fold replaces rows of 17 kB and deletes
# hundreds; by default vacuuming would wait for a fifth of a table that was once large.
SUMS = tuple((table, column) for table in ("arm_state", "base_state") for column in ('"A"', "b"))
EAGER = {
    "autovacuum_vacuum_scale_factor": "0",
    "autovacuum_vacuum_cost_delay": "0",
    "autovacuum_vacuum_threshold": "1000",
}
VACUUMED = (("arm_state", ""), ("arm_state", "toast."), ("pending", ""))


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for table, column in SUMS:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
    for table, part in VACUUMED:
        options = ", ".join(f"{part}{name} = {value}" for name, value in EAGER.items())
        op.execute(f"ALTER TABLE {table} SET ({options})")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    for table, part in VACUUMED:
        options = ", ".join(f"{part}{name}" for name in EAGER)
        op.execute(f"ALTER TABLE {table} RESET ({options})")
    for table, column in SUMS:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTENDED")
