"""The trade-off that each decision was made at, so that the replay of its policy is its own log.

The bytes of ``estimates`` may be longer from here on; those of older rows stay as they are.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = {
    "quality_weight": "that the query asked for; null in older rows",
    "cost_weight": "0 where a goal priced money in its place",
    "latency_weight": None,
}


def upgrade() -> None:
    for name, comment in COLUMNS.items():
        op.add_column("decisions", sa.Column(name, sa.Double, comment=comment))
    _describe("(K, 7 to 9) float64, see sql_decisions")


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("decisions", name)
    _describe("(K, 7) float64, see sql_decisions")


def _describe(estimates: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"COMMENT ON COLUMN decisions.estimates IS '{estimates}'")
