"""The tables, in types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

HEAD = "0011"
"""Newest revision in ``migrations/versions``; a database at it is opened without Alembic."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
}

metadata = MetaData(naming_convention=NAMING)

_JSON = JSON().with_variant(JSONB(), "postgresql")
_SERIAL = BigInteger().with_variant(Integer(), "sqlite")
_EPOCH = "seconds since the epoch"

meta = Table(
    "meta",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("version", BigInteger, nullable=False, comment="grows with every fold"),
    Column("layout", Text, comment="context layout of the learned state"),
    Column("dim", Integer, comment="length of a context"),
    Column("half_life", Double, comment="seconds; null as long as nobody declared one"),
    Column("lease", Text, comment="of a rebuild; nothing is folded"),
    Column("lease_ends", Double, comment=_EPOCH),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("query_id", Text, nullable=False),
    Column("user_id", Text),
    Column("created_at", Double, nullable=False, comment=_EPOCH),
    Column("policy", Text, nullable=False),
    Column("layout", Text, nullable=False),
    Column("selected_model", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("forced", Boolean, nullable=False),
    Column("arms", _JSON, nullable=False, comment="K names, the rows of estimates"),
    Column(
        "estimates", LargeBinary, nullable=False, comment="(K, 7 to 9) float64, see sql_decisions"
    ),
    Column("context", LargeBinary, nullable=False, comment="(d,) float32"),
    Column("token_count", Integer, nullable=False),
    Column("complexity_score", Double, nullable=False),
    Column("domain", Text, nullable=False),
    Column("domain_confidence", Double, nullable=False),
    Column("fallback_chain", _JSON, nullable=False),
    Column("constraints_relaxed", _JSON, nullable=False),
    Column("reasoning", Text, nullable=False),
    Column("unit_cost", Double, comment="USD per unit of the cost weight; null in older rows"),
    Column("unit_latency", Double, comment="seconds per unit of the latency weight"),
    Column("price_of_money", Double, comment="quality per USD"),
    Column("budget", Double, comment="USD per request; null without one"),
    Column("quality_weight", Double, comment="that the query asked for; null in older rows"),
    Column("cost_weight", Double, comment="0 where a goal priced money in its place"),
    Column("latency_weight", Double),
    Column("text", Text, comment="null unless switched on"),
    Index(None, "created_at"),
    Index(None, "user_id"),
)

executions = Table(
    "executions",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    Column("decision_id", Text, ForeignKey("decisions.id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("arm", Text, nullable=False),
    Column("failure", Text),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cost", Double, nullable=False, comment="USD"),
    Column("latency", Double, comment="seconds"),
    Column("finish_reason", Text),
    Column("started_at", Double, nullable=False, comment=_EPOCH),
    Index(None, "decision_id"),
)

adjustments = Table(
    "adjustments",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    Column("arm", Text, nullable=False),
    Column("head", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="shift or discount"),
    Column("amount", Double, nullable=False),
    Column("at", Double, nullable=False, comment=_EPOCH),
)

observations = Table(
    "observations",
    metadata,
    Column("decision_id", Text, ForeignKey("decisions.id"), primary_key=True),
    Column("arm", Text, primary_key=True),
    Column("signal", Text, primary_key=True),
    Column("head", Text, nullable=False),
    Column("value", Double, nullable=False),
    Column("weight", Double, nullable=False, comment="in ratings"),
    Column("observed_at", Double, nullable=False, comment=_EPOCH),
    Column(
        "era",
        BigInteger,
        nullable=False,
        default=select(func.coalesce(func.max(adjustments.c.id), 0)).scalar_subquery(),
        server_default="0",
        comment="newest adjustment when first observed; later ones apply",
    ),
)

pending = Table(
    "pending",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    Column("decision_id", Text, ForeignKey("decisions.id"), nullable=False),
    Column("arm", Text, nullable=False),
    Column("head", Text, nullable=False),
    Column("value", Double, nullable=False),
    Column("weight", Double, nullable=False, comment="in ratings"),
    Column("previous", Double, comment="the value replaced; null for a first observation"),
    Column("writer", Text, comment="store that observed it"),
    Column(
        "era",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="newest adjustment when first observed; later ones apply",
    ),
    Index(None, "decision_id"),
)


def _sums() -> list[Column[Any]]:
    """Of one head of one arm; the moment that they are weighed as of comes beside."""
    return [
        Column("arm", Text, primary_key=True),
        Column("head", Text, primary_key=True),
        Column("A", LargeBinary, nullable=False, comment="upper triangle of (d, d), float64"),
        Column("b", LargeBinary, nullable=False, comment="(d,) float64"),
        Column("yy", Double, nullable=False),
        Column("weight", Double, nullable=False),
        Column("raw_count", BigInteger, nullable=False),
    ]


arm_state = Table(
    "arm_state",
    metadata,
    *_sums(),
    Column(
        "landmark",
        Double,
        nullable=False,
        server_default="0",
        comment="seconds since the epoch, as of which the sums are weighed",
    ),
)

sources = Table(
    "sources",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    Column("digest", Text, nullable=False, unique=True, comment="identity of the content"),
    Column("name", Text, nullable=False),
    Column("n_eff", Double, nullable=False, comment="most ratings per arm and head"),
    Column("prompts", BigInteger, nullable=False),
    Column("absorbed_at", Double, nullable=False, comment=_EPOCH),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    Column("decision_id", Text, ForeignKey("decisions.id"), nullable=False),
    Column("arm", Text, nullable=False),
    Column("signal", Text, nullable=False),
    Column("old_value", Double, nullable=False),
    Column("new_value", Double, nullable=False),
    Column("changed_at", Double, nullable=False, comment=_EPOCH),
    Index(None, "decision_id"),
)

base_state = Table(
    "base_state",
    metadata,
    *_sums(),
    Column("landmark", Double, nullable=False, comment=_EPOCH),
)

documents = Table(
    "documents",
    metadata,
    Column("key", Text, primary_key=True),
    Column("version", BigInteger, nullable=False, comment="grows with every change"),
    Column("value", _JSON, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    Column("at", Double, nullable=False, comment=_EPOCH),
    Column("actor", Text, nullable=False, comment="who"),
    Column("action", Text, nullable=False, comment="what was done"),
    Column("subject", Text, nullable=False, comment="to what"),
    Column("before", _JSON),
    Column("after", _JSON),
)

budgets = Table(
    "budgets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("scope", Text, nullable=False, comment="kind:name"),
    Column("window", Text, nullable=False),
    Column("nanos", BigInteger, nullable=False, comment="the limit; nanodollars"),
    UniqueConstraint("scope", "window"),
)

spend = Table(
    "spend",
    metadata,
    Column("budget_id", Text, ForeignKey("budgets.id"), primary_key=True),
    Column("slot", BigInteger, primary_key=True, autoincrement=False, comment=_EPOCH),
    Column("settled", BigInteger, nullable=False, comment="nanodollars"),
    Column("reserved", BigInteger, nullable=False, comment="nanodollars"),
)

reservations = Table(
    "reservations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("lines", _JSON, nullable=False, comment="pairs of budget and slot"),
    Column("nanos", BigInteger, nullable=False, comment="set aside; nanodollars"),
    Column("made_at", Double, nullable=False, comment=_EPOCH),
    Column("ends_at", Double, nullable=False, comment=_EPOCH),
    Column("due", Double, comment="when it expires; null once it was closed"),
    Column("state", Text, nullable=False),
    Column("cost", BigInteger, comment="nanodollars; null until settled"),
    Index(None, "due"),
)

costs = Table(
    "costs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Double, nullable=False, comment=_EPOCH),
    Column("kind", Text, nullable=False, comment="what was paid for"),
    Column("model", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("cost", BigInteger, nullable=False, comment="nanodollars"),
    Column("base_cost", BigInteger, nullable=False, comment="at the baseline; nanodollars"),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("user_id", Text),
    Column("team", Text),
    Column("api_key", Text, comment="a hash or a label"),
    Column("session", Text),
    Column("task_type", Text),
    Column("decision_id", Text),
    Index(None, "at", "id"),
    Index(None, "user_id", "at", "id"),
)
