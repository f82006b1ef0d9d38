"""The rows of ``cold_start``: means over seeds, tables, and rules that turn out to be the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np

from experiments.peers import Peer, without_lesser
from experiments.report import mean_and_error, show_table

Result: TypeAlias = tuple[float, float, float, float, float]
"""Gain over the best fixed arm, utility, quality and USD of one seed; seconds it took."""
SEES_MORE = {"knn": "knn, given all labels of the first half"}
"""Rows that are no cold start, and what tables call them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One policy on one data set: utility over the best fixed arm's in the second half."""

    dataset: str
    policy: str
    gain: float
    gain_se: float
    utility: float
    quality: float
    cost: float
    seeds: int


def mean_row(dataset: str, policy: str, results: Sequence[Result]) -> Row:
    """Means over seeds of one policy on one data set."""
    gains, utility, quality, cost, _ = zip(*results, strict=True)
    gain, gain_se = mean_and_error(gains)
    return Row(
        dataset=dataset,
        policy=policy,
        gain=gain,
        gain_se=gain_se,
        utility=float(np.mean(utility)),
        quality=float(np.mean(quality)),
        cost=float(np.mean(cost)),
        seeds=len(results),
    )


def lead(ours: Sequence[Result], theirs: Sequence[Result]) -> tuple[float, float]:
    """Mean gain over another policy on the same seeds, and its standard error.

    That of the differences per seed: both saw the same prompts in the same order, and what a shuffle
    does to both of them is no doubt about which is ahead.
    """
    return mean_and_error([mine[0] - other[0] for mine, other in zip(ours, theirs, strict=True)])


def show_rows(title: str, rows: Sequence[Row], *, peers: Sequence[Peer]) -> list[Row]:
    """Print one data set's table, and return what it shows: of every peer its best setting."""
    by_name = {row.policy: row for row in rows}
    kept, absent = without_lesser({name: row.gain for name, row in by_name.items()}, peers)
    shown = [by_name[name] for name in kept]
    show_table(
        title,
        ["policy", "gain", "± s.e.", "utility", "quality", "USD"],
        [*map(_cells, shown), *([family, "not installed", *[""] * 4] for family in absent)],
    )
    return shown


def show_times(found: Mapping[tuple[str, str], Sequence[Result]], peers: Sequence[Peer]) -> None:
    """Print how long each family took, all data sets, seeds and settings together."""
    families = {peer.name: peer.family for peer in peers}
    seconds: dict[str, float] = defaultdict(float)
    for (_, name), results in found.items():
        seconds[families.get(name, name.partition(":")[0])] += sum(it[-1] for it in results)
    ranked = sorted(seconds.items(), key=lambda item: -item[1])
    print(f"\nseconds: {', '.join(f'{family} {took:,.0f}' for family, took in ranked)}")


def _cells(row: Row) -> list[str]:
    return [
        SEES_MORE.get(row.policy, row.policy),
        f"{row.gain:+.4f}",
        f"{row.gain_se:.4f}",
        f"{row.utility:.4f}",
        f"{row.quality:.4f}",
        f"{row.cost:.3g}",
    ]


def twins_among(
    found: Mapping[tuple[str, str], Sequence[Result]], policies: Sequence[str]
) -> list[str]:
    """Pairs of rules that did the same on every seed of some data set."""
    did = {key: [it[:-1] for it in results] for key, results in found.items()}
    return [
        f"{a} and {b} on {name}"
        for name in dict.fromkeys(dataset for dataset, _ in did)
        for a, b in combinations(policies, 2)
        if did[name, a] == did[name, b]
    ]
