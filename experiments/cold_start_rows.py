"""The rows of ``cold_start``: means over seeds, tables, and rules that turn out to be the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np

from experiments.peers import without_lesser
from experiments.report import mean_and_error, show_table

Result: TypeAlias = tuple[float, float, float, float]
"""Gain over the best fixed arm, utility, quality and USD of one seed."""


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
    gains, utility, quality, cost = zip(*results, strict=True)
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


def show_rows(title: str, rows: Sequence[Row]) -> list[Row]:
    """Print one data set's table, and return what it shows: of every peer its best setting."""
    by_name = {row.policy: row for row in rows}
    kept, absent = without_lesser({name: row.gain for name, row in by_name.items()})
    shown = [by_name[name] for name in kept]
    show_table(
        title,
        ["policy", "gain", "± s.e.", "utility", "quality", "USD"],
        [*map(_cells, shown), *([family, "not installed", *[""] * 4] for family in absent)],
    )
    return shown


def _cells(row: Row) -> list[str]:
    return [
        row.policy,
        f"{row.gain:+.4f}",
        f"{row.gain_se:.4f}",
        f"{row.utility:.4f}",
        f"{row.quality:.4f}",
        f"{row.cost:.3g}",
    ]


def twins_among(
    found: Mapping[tuple[str, str], Sequence[object]], policies: Sequence[str]
) -> list[str]:
    """Pairs of rules that did the same on every seed of some data set."""
    return [
        f"{a} and {b} on {name}"
        for name in dict.fromkeys(dataset for dataset, _ in found)
        for a, b in combinations(policies, 2)
        if found[name, a] == found[name, b]
    ]
