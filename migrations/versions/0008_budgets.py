"""Budgets, running totals of what is spent of them, and reservations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("budgets", "spend", "reservations")
LINES = sa.JSON().with_variant(JSONB(), "postgresql")
EPOCH = "seconds since the epoch"
NANOS = "nanodollars"


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False, comment="kind:name"),
        sa.Column("window", sa.Text, nullable=False),
        sa.Column("nanos", sa.BigInteger, nullable=False, comment="the limit; nanodollars"),
        sa.PrimaryKeyConstraint("id", name="pk_budgets"),
        sa.UniqueConstraint("scope", "window", name="uq_budgets_scope"),
    )
    op.create_table(
        "spend",
        sa.Column("budget_id", sa.Text, nullable=False),
        sa.Column("slot", sa.BigInteger, nullable=False, autoincrement=False, comment=EPOCH),
        sa.Column("settled", sa.BigInteger, nullable=False, comment=NANOS),
        sa.Column("reserved", sa.BigInteger, nullable=False, comment=NANOS),
        sa.PrimaryKeyConstraint("budget_id", "slot", name="pk_spend"),
        sa.ForeignKeyConstraint(["budget_id"], ["budgets.id"], name="fk_spend_budget_id"),
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("lines", LINES, nullable=False, comment="pairs of budget and slot"),
        sa.Column("nanos", sa.BigInteger, nullable=False, comment="set aside; nanodollars"),
        sa.Column("made_at", sa.Double, nullable=False, comment=EPOCH),
        sa.Column("ends_at", sa.Double, nullable=False, comment=EPOCH),
        sa.Column("due", sa.Double, comment="when it expires; null once it was closed"),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("cost", sa.BigInteger, comment="nanodollars; null until settled"),
        sa.PrimaryKeyConstraint("id", name="pk_reservations"),
    )
    op.create_index("ix_reservations_due", "reservations", ["due"])
    if op.get_context().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    for table in ("reservations", "spend", "budgets"):
        op.drop_table(table)
