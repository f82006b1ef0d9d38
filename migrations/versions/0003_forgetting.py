"""Sums know as of when they are weighed, and a database how fast its evidence fades."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Sums of before weigh everything alike, which is how they count as of the newest thing in them.
NEWEST = """
UPDATE arm_state SET landmark = (
    SELECT coalesce(max(moment), 0) FROM (
        SELECT created_at AS moment FROM decisions UNION ALL SELECT absorbed_at FROM sources
    ) AS moments
)
"""


def upgrade() -> None:
    op.add_column(
        "meta",
        sa.Column("half_life", sa.Double, comment="seconds; null as long as nobody declared one"),
    )
    op.add_column(
        "arm_state",
        sa.Column(
            "landmark",
            sa.Double,
            nullable=False,
            server_default="0",
            comment="seconds since the epoch, as of which the sums are weighed",
        ),
    )
    op.execute(NEWEST)


def downgrade() -> None:
    with op.batch_alter_table("arm_state") as batch:
        batch.drop_column("landmark")
    with op.batch_alter_table("meta") as batch:
        batch.drop_column("half_life")
