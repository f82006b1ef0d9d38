"""What replicas share, who changed it, and what a rebuild from the log needs beside the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
VALUE = sa.JSON().with_variant(JSONB(), "postgresql")
EPOCH = "seconds since the epoch"
ERA = "newest adjustment when first observed; later ones apply"


def upgrade() -> None:
    op.add_column("decisions", sa.Column("text", sa.Text, comment="null unless switched on"))
    op.add_column("meta", sa.Column("lease", sa.Text, comment="of a rebuild; nothing is folded"))
    op.add_column("meta", sa.Column("lease_ends", sa.Double, comment=EPOCH))
    op.add_column("pending", sa.Column("writer", sa.Text, comment="store that observed it"))
    for table in ("observations", "pending"):
        op.add_column(
            table, sa.Column("era", sa.BigInteger, nullable=False, server_default="0", comment=ERA)
        )
    op.create_index("ix_decisions_created_at", "decisions", ["created_at"])
    op.create_index("ix_decisions_user_id", "decisions", ["user_id"])
    op.create_index("ix_pending_decision_id", "pending", ["decision_id"])
    op.create_index("ix_audit_decision_id", "audit", ["decision_id"])
    op.create_table(
        "documents",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, comment="grows with every change"),
        sa.Column("value", VALUE, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_documents"),
    )
    op.create_table(
        "changes",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("at", sa.Double, nullable=False, comment=EPOCH),
        sa.Column("actor", sa.Text, nullable=False, comment="who"),
        sa.Column("action", sa.Text, nullable=False, comment="what was done"),
        sa.Column("subject", sa.Text, nullable=False, comment="to what"),
        sa.Column("before", VALUE),
        sa.Column("after", VALUE),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
    )
    op.create_table(
        "adjustments",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="shift or discount"),
        sa.Column("amount", sa.Double, nullable=False),
        sa.Column("at", sa.Double, nullable=False, comment=EPOCH),
        sa.PrimaryKeyConstraint("id", name="pk_adjustments"),
    )
    op.create_table(
        "base_state",
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("A", sa.LargeBinary, nullable=False, comment="upper triangle of (d, d), float64"),
        sa.Column("b", sa.LargeBinary, nullable=False, comment="(d,) float64"),
        sa.Column("yy", sa.Double, nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("raw_count", sa.BigInteger, nullable=False),
        sa.Column("landmark", sa.Double, nullable=False, comment=EPOCH),
        sa.PrimaryKeyConstraint("arm", "head", name="pk_base_state"),
    )


def downgrade() -> None:
    for table in ("base_state", "adjustments", "changes", "documents"):
        op.drop_table(table)
    op.drop_index("ix_audit_decision_id", "audit")
    op.drop_index("ix_pending_decision_id", "pending")
    op.drop_index("ix_decisions_user_id", "decisions")
    op.drop_index("ix_decisions_created_at", "decisions")
    op.drop_column("pending", "writer")
    op.drop_column("pending", "era")
    op.drop_column("observations", "era")
    op.drop_column("meta", "lease_ends")
    op.drop_column("meta", "lease")
    op.drop_column("decisions", "text")
