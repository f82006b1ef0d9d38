"""Decisions, executions, the delta log of observations, and learned state."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NAMES = sa.JSON().with_variant(JSONB(), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_meta()
    _create_decisions()
    _create_executions()
    _create_delta_log()
    _create_learned_state()


def downgrade() -> None:
    for table in (
        "audit",
        "arm_state",
        "pending",
        "observations",
        "executions",
        "decisions",
        "meta",
    ):
        op.drop_table(table)


def _create_meta() -> None:
    meta = op.create_table(
        "meta",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False, comment="always 1"),
        sa.Column("version", sa.BigInteger, nullable=False, comment="grows with every fold"),
        sa.Column("layout", sa.Text, comment="context layout of the learned state"),
        sa.Column("dim", sa.Integer, comment="length of a context"),
        sa.PrimaryKeyConstraint("id", name="pk_meta"),
    )
    op.bulk_insert(meta, [{"id": 1, "version": 0}])


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("query_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False, comment="seconds since the epoch"),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("layout", sa.Text, nullable=False),
        sa.Column("selected_model", sa.Text, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("forced", sa.Boolean, nullable=False),
        sa.Column("arms", NAMES, nullable=False, comment="K names, the rows of estimates"),
        sa.Column(
            "estimates", sa.LargeBinary, nullable=False, comment="(K, 7) float64, see sql_decisions"
        ),
        sa.Column("context", sa.LargeBinary, nullable=False, comment="(d,) float32"),
        sa.Column("token_count", sa.Integer, nullable=False),
        sa.Column("complexity_score", sa.Double, nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("domain_confidence", sa.Double, nullable=False),
        sa.Column("fallback_chain", NAMES, nullable=False),
        sa.Column("constraints_relaxed", NAMES, nullable=False),
        sa.Column("reasoning", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
    )


def _create_executions() -> None:
    op.create_table(
        "executions",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("failure", sa.Text),
        sa.Column("input_tokens", sa.Integer),
        sa.Column("output_tokens", sa.Integer),
        sa.Column("cost", sa.Double, nullable=False, comment="USD"),
        sa.Column("latency", sa.Double, comment="seconds"),
        sa.Column("finish_reason", sa.Text),
        sa.Column("started_at", sa.Double, nullable=False, comment="seconds since the epoch"),
        sa.PrimaryKeyConstraint("id", name="pk_executions"),
        _of_decision("executions"),
    )
    op.create_index("ix_executions_decision_id", "executions", ["decision_id"])


def _create_delta_log() -> None:
    op.create_table(
        "observations",
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("signal", sa.Text, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("weight", sa.Double, nullable=False, comment="in ratings"),
        sa.Column("observed_at", sa.Double, nullable=False, comment="seconds since the epoch"),
        sa.PrimaryKeyConstraint("decision_id", "arm", "signal", name="pk_observations"),
        _of_decision("observations"),
    )
    op.create_table(
        "pending",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("weight", sa.Double, nullable=False, comment="in ratings"),
        sa.Column(
            "previous", sa.Double, comment="the value replaced; null for a first observation"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_pending"),
        _of_decision("pending"),
    )
    op.create_table(
        "audit",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("signal", sa.Text, nullable=False),
        sa.Column("old_value", sa.Double, nullable=False),
        sa.Column("new_value", sa.Double, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False, comment="seconds since the epoch"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        _of_decision("audit"),
    )


def _create_learned_state() -> None:
    op.create_table(
        "arm_state",
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("A", sa.LargeBinary, nullable=False, comment="upper triangle of (d, d), float64"),
        sa.Column("b", sa.LargeBinary, nullable=False, comment="(d,) float64"),
        sa.Column("yy", sa.Double, nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("raw_count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("arm", "head", name="pk_arm_state"),
    )


def _of_decision(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["decision_id"], ["decisions.id"], name=f"fk_{table}_decision_id"
    )
