"""Rows of ``budget_pacing``: means over seeds, the table, and what must hold of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from experiments.report import Check, mean_and_error, show_table

SLACK = 5e-4
"""Of a comparison with a rival or a mixture when warm."""
COLD_SLACK = 1e-3
COLD_LEAD = 0.05
"""Over ParetoBandit started cold, from the third budget up."""
REACH, REACH_SECOND = 0.004, 0.010
"""How close to full information, and how close at the second budget."""
OVERSPEND = 1.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One policy on one seed: mean quality, and mean spend in USD, per prompt."""

    setting: str
    policy: str
    quality: float
    spend: float
    budget: float | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanRow:
    """One policy over all seeds; errors are None where there is one value only."""

    setting: str
    policy: str
    budget: float | None
    quality: float
    quality_se: float | None
    spend: float
    spend_se: float | None
    seeds: int


def summarise(rows: Iterable[Row]) -> list[MeanRow]:
    """Means and standard errors over seeds, in order of first appearance."""
    groups: dict[tuple[str, str, float | None], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.setting, row.policy, row.budget].append(row)
    return [_mean(*key, group) for key, group in groups.items()]


def show_rows(rows: Sequence[MeanRow], budgets: Sequence[float]) -> None:
    """Print one table per setting: quality ± standard error, and spend over budget."""
    for setting in ("warm", "cold"):
        mine = [row for row in rows if row.setting == setting]
        policies = list(dict.fromkeys(row.policy for row in mine if row.budget is not None))
        head = [setting, *(f"{budget:.3g}" for budget in budgets)]
        body = [
            [policy, *(_quality(find(rows, setting, policy, b)) for b in budgets)]
            for policy in policies
        ]
        spending = [
            [f"{policy} spend/budget", *(_ratio(find(rows, setting, policy, b)) for b in budgets)]
            for policy in policies
            if find(rows, setting, policy, budgets[0]).quality_se is not None
        ]
        show_table(f"{setting}: quality by budget (USD per request)", head, body + spending)
    fixed = [row for row in rows if row.budget is None and row.setting == "warm"]
    show_table(
        "fixed arms",
        ["arm", "quality", "USD"],
        [[row.policy, f"{row.quality:.4f}", f"{row.spend:.3g}"] for row in fixed],
    )


def find(rows: Iterable[MeanRow], setting: str, policy: str, budget: float) -> MeanRow:
    """The row of that policy."""
    return next(
        row for row in rows if (row.setting, row.policy, row.budget) == (setting, policy, budget)
    )


def verdict_checks(rows: Sequence[MeanRow], budgets: Sequence[float]) -> list[Check]:
    """Everything that is asked of this experiment."""
    return [
        check
        for i, budget in enumerate(budgets)
        for check in (*_warm(rows, i, budget), *_cold(rows, i, budget))
    ]


def _warm(rows: Sequence[MeanRow], i: int, budget: float) -> Iterator[Check]:
    ours, place = find(rows, "warm", "conduit", budget), f"warm budget {i + 1}"
    for rival in ("paretobandit", "paretobandit_labelled", "mixture"):
        bound = find(rows, "warm", rival, budget).quality - SLACK
        yield Check(name=f"{place}: quality against {rival}", value=ours.quality, bound=bound)
    reach = REACH_SECOND if i == 1 else REACH
    bound = find(rows, "warm", "full_information", budget).quality - reach
    yield Check(name=f"{place}: quality against full information", value=ours.quality, bound=bound)
    yield Check(
        name=f"{place}: spend/budget", value=ours.spend / budget, bound=OVERSPEND, most=True
    )


def _cold(rows: Sequence[MeanRow], i: int, budget: float) -> Iterator[Check]:
    ours, place = find(rows, "cold", "conduit", budget), f"cold budget {i + 1}"
    bound = find(rows, "cold", "mixture", budget).quality - COLD_SLACK
    yield Check(name=f"{place}: quality against mixture", value=ours.quality, bound=bound)
    bound = find(rows, "cold", "paretobandit_tuned", budget).quality - COLD_SLACK
    yield Check(
        name=f"{place}: quality against paretobandit_tuned", value=ours.quality, bound=bound
    )
    if i >= 2:
        bound = find(rows, "cold", "paretobandit", budget).quality + COLD_LEAD
        yield Check(name=f"{place}: quality against paretobandit", value=ours.quality, bound=bound)
    yield Check(
        name=f"{place}: spend/budget", value=ours.spend / budget, bound=OVERSPEND, most=True
    )


def _mean(setting: str, policy: str, budget: float | None, rows: Sequence[Row]) -> MeanRow:
    quality, quality_se = mean_and_error([row.quality for row in rows])
    spend, spend_se = mean_and_error([row.spend for row in rows])
    several = len(rows) > 1
    return MeanRow(
        setting=setting,
        policy=policy,
        budget=budget,
        quality=quality,
        quality_se=quality_se if several else None,
        spend=spend,
        spend_se=spend_se if several else None,
        seeds=len(rows),
    )


def _quality(row: MeanRow) -> str:
    error = "" if row.quality_se is None else f"±{row.quality_se:.4f}"
    return f"{row.quality:.4f}{error}"


def _ratio(row: MeanRow) -> str:
    assert row.budget is not None
    return f"{row.spend / row.budget:.4f}"
