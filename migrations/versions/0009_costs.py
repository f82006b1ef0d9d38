"""What calls did cost, one row each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NANOS = "nanodollars"


def upgrade() -> None:
    op.create_table(
        "costs",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False, comment="seconds since the epoch"),
        sa.Column("kind", sa.Text, nullable=False, comment="what was paid for"),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("cost", sa.BigInteger, nullable=False, comment=NANOS),
        sa.Column("base_cost", sa.BigInteger, nullable=False, comment=f"at the baseline; {NANOS}"),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("user_id", sa.Text),
        sa.Column("team", sa.Text),
        sa.Column("api_key", sa.Text, comment="a hash or a label"),
        sa.Column("session", sa.Text),
        sa.Column("task_type", sa.Text),
        sa.Column("decision_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_costs"),
    )
    op.create_index("ix_costs_at_id", "costs", ["at", "id"])
    op.create_index("ix_costs_user_id_at_id", "costs", ["user_id", "at", "id"])
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE costs ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_table("costs")
