"""What each decision traded quality, money and time at, so that other rules can be asked later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = {
    "unit_cost": "USD per unit of the cost weight; null in older rows",
    "unit_latency": "seconds per unit of the latency weight",
    "price_of_money": "quality per USD",
    "budget": "USD per request; null without one",
}


def upgrade() -> None:
    for name, comment in COLUMNS.items():
        op.add_column("decisions", sa.Column(name, sa.Double, comment=comment))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("decisions", name)
