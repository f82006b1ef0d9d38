"""What a caller may say about a router, before settings fill in the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conduit.bandits.neighbours import NearestNeighbours
from conduit.bandits.policies import Policy
from conduit.core.arms import Arm
from conduit.core.caching import Bell, Cache
from conduit.core.ports import Clock, Encoder, ModelClient, Store
from conduit.engines.executor import Sleep
from conduit.engines.goals import Goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a router is made of; None takes the setting, and the setting its default.

    Args:
        models: ids, or arms with their own prices; None takes the catalogue.
        policy: name of the policy, or one.
        neighbours: labelled queries for the policy ``knn``, or their file.
        optimize_for: the trade-off for queries that bring none.
        goal: what spending follows.
        baseline: id of the model that savings are measured against.
        encoder: name of an encoder, or one.
        store: None takes the database that the settings name, else memory.
        redis_url: server for caches and the bell.
        cache: shared cache of features; None takes Redis where there is one.
        bell: tells other processes of changes; None takes Redis where there is one.
        client: calls models.
        timeout: seconds for one model call.
        half_life: seconds after which what was learned counts half; infinite forgets nothing, None
            keeps what the store was given before.
        sleep: waits before a model is asked again; None takes asyncio's.
        seed: of the random draws; None draws afresh.
        clock: dates decisions.
        allow_download: whether the encoder may fetch its weights.
    """

    models: Sequence[str | Arm] | None = None
    policy: str | Policy | None = None
    neighbours: str | Path | NearestNeighbours | None = None
    optimize_for: str | None = None
    goal: Goal | None = None
    baseline: str | None = None
    encoder: str | Encoder | None = None
    store: Store | None = None
    redis_url: str | None = None
    cache: Cache | None = None
    bell: Bell | None = None
    client: ModelClient | None = None
    timeout: float | None = None
    half_life: float | None = None
    sleep: Sleep | None = None
    seed: int | None = None
    clock: Clock | None = None
    allow_download: bool | None = None
