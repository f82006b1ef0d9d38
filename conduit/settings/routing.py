"""Settings of the router: which models, by which policy, at what price."""

# ruff: noqa: RUF009 - declare() makes a dataclass field

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conduit.core.models import OptimizeFor
from conduit.settings.kinds import (
    COUNT,
    HALF_LIFE,
    NAMES,
    OBJECT,
    PATH,
    POSITIVE_SHARE,
    TEXT,
    USD,
    choice,
)
from conduit.settings.setting import declare


@dataclass(frozen=True, kw_only=True, repr=False)
class RoutingSettings:
    """What the router decides with."""

    models: tuple[str, ...] | None = declare(
        "models to choose among; unset takes every model of the providers that have a key", NAMES
    )
    policy: str = declare("name of the routing policy", TEXT, default="thompson")
    neighbours: Path | None = declare("file of labelled queries for the policy knn", PATH)
    optimize_for: str = declare(
        "what matters most when nothing else is said",
        choice(tuple(OptimizeFor)),
        default="balanced",
    )
    budget: float | None = declare("mean spend per request that the router keeps to, in USD", USD)
    budget_per_day: float | None = declare(
        "spend per calendar day (UTC) that the router paces itself to, in USD", USD
    )
    budget_per_month: float | None = declare(
        "spend per calendar month (UTC) that the router paces itself to, in USD", USD
    )
    quality_target: float | None = declare(
        "share of the best model's quality that the router keeps at least spend", POSITIVE_SHARE
    )
    half_life: float | None = declare(
        "seconds after which what was learned counts half; unset keeps what the database was given",
        HALF_LIFE,
    )
    baseline: str | None = declare(
        "the model that savings are measured against; unset takes the registry's, else the dearest",
        TEXT,
    )
    encoder: str = declare("text encoder; auto takes the best one installed", TEXT, default="auto")
    seed: int | None = declare("seed of the random draws; unset draws afresh every time", COUNT)
    registry: Path | None = declare(
        "model registry; unset takes models/registry.yaml where it exists, else the shipped one",
        PATH,
    )
    pricing: Path | None = declare(
        "pricing file; unset takes models/pricing.yaml where it exists", PATH
    )
    pricing_json: Mapping[str, object] | None = declare(
        "prices per model in USD per million tokens, stronger than the pricing file",
        OBJECT,
        aliases=("CONDUCTOR_PRICING_JSON",),
    )
    models_json: Mapping[str, object] | None = declare(
        "models of the simple interface and of Conductor's routes, by role: cheap, quality, baseline",
        OBJECT,
        aliases=("CONDUCTOR_MODELS_JSON",),
    )
