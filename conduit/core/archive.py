"""Learned state as it travels from one database to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conduit.core.statistics import Source, SufficientStatistics


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Archive:
    """Everything that a database has learned, without its log.

    Args:
        layout: context layout of the sums.
        dim: length of a context.
        half_life: seconds; infinite forgets nothing, None where nobody declared one.
        statistics: per (arm id, head name).
        sources: what was absorbed on the way.
        databases: ids of those whose evidence this is: its own, and what was merged into it; empty in
            files of versions that did not say.
        created: seconds since the epoch.
        digest: SHA-256 of the file; empty as long as there is none.
    """

    layout: str
    dim: int
    half_life: float | None
    statistics: Mapping[tuple[str, str], SufficientStatistics]
    sources: tuple[Source, ...] = field(default=())
    databases: tuple[str, ...] = field(default=())
    created: float
    digest: str = ""
