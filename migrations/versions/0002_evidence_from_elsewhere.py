"""A record of the evidence that was absorbed from elsewhere, so that none counts twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, comment="identity of the content"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("n_eff", sa.Double, nullable=False, comment="most ratings per arm and head"),
        sa.Column("prompts", sa.BigInteger, nullable=False),
        sa.Column("absorbed_at", sa.Double, nullable=False, comment="seconds since the epoch"),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint("digest", name="uq_sources_digest"),
    )


def downgrade() -> None:
    op.drop_table("sources")
