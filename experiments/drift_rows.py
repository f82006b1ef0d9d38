"""Rows of ``drift``: quality and spend by phase, recovery after a change, and what must hold of them.

*Recovery* is the first step after a change at which a moving average of quality over 100 steps is
within .005 of its later level. Windows lie inside the phase, so 100 means at once; the later level is
the mean of the phase's second half; the curve is the mean over seeds. Before it is averaged, what a
prompt gives on average over all arms is taken out of it: every policy sees the same prompts, and easy
and hard ones would otherwise move the curve more than any policy does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conduit.core.statistics import Array
from experiments.drift_scenarios import PHASE, PHASES
from experiments.report import Check, mean_and_error, show_table

WINDOW = 100
WITHIN = 0.005
SLACK = 5e-4
"""Of quality against a rival, as in ``budget_pacing``."""
KEPT = 1.005
"""Spend over budget that counts as kept, whatever the rival spends."""
RESAMPLES = 1000
OURS, RIVAL, LABELLED = "conduit", "paretobandit", "paretobandit_labelled"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """One policy in one scenario at one budget on one seed; all arrays (3 · 608,).

    Args:
        scenario: its name.
        policy: its name.
        budget: USD per request.
        seed: of the shuffle.
        quality: obtained.
        ordinary: mean quality over all arms at that prompt and moment.
        cost: USD spent.
        changed: whether the arm that changes was chosen.
    """

    scenario: str
    policy: str
    budget: float
    seed: int
    quality: Array
    ordinary: Array
    cost: Array
    changed: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRow:
    """One policy in one phase, counted from 1, over all seeds.

    ``lead`` is Conduit's quality minus this policy's, paired by seed. ``recovery`` is in steps, None
    in the first phase; ``later`` the share of resamples of the seeds in which it recovers later than
    Conduit.
    """

    scenario: str
    policy: str
    budget: float
    phase: int
    quality: float
    quality_se: float
    lead: float
    lead_se: float
    spend: float
    spend_se: float
    changed_share: float
    recovery: int | None
    later: float | None
    seeds: int


def moving_average(values: Array) -> Array:
    """(…, n − 99) means over the 100 values that end at each place."""
    sums = np.cumsum(np.insert(values, 0, 0.0, axis=-1), axis=-1)
    return np.asarray((sums[..., WINDOW:] - sums[..., :-WINDOW]) / WINDOW)


def recovery(curves: Array) -> NDArray[np.intp]:
    """Steps until curves (…, n) of quality by step have come to their later level.

    A curve that never comes near it has not recovered when the phase ends: n.
    """
    steps = curves.shape[-1]
    level = curves[..., steps // 2 :].mean(axis=-1, keepdims=True)
    there = np.abs(moving_average(curves) - level) <= WITHIN
    return np.where(there.any(axis=-1), WINDOW + there.argmax(axis=-1), steps)


def summarise(runs: Sequence[Run]) -> list[PhaseRow]:
    """Means over seeds, in order of first appearance."""
    groups: dict[tuple[str, float, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.scenario, run.budget, run.policy), []).append(run)
    return [
        _row(group, groups[scenario, budget, OURS], phase)
        for (scenario, budget, _), group in groups.items()
        for phase in range(PHASES)
    ]


def find(
    rows: Sequence[PhaseRow], scenario: str, policy: str, *, budget: float, phase: int
) -> PhaseRow:
    """The row of that policy."""
    sought = (scenario, policy, budget, phase)
    return next(r for r in rows if (r.scenario, r.policy, r.budget, r.phase) == sought)


def show_rows(rows: Sequence[PhaseRow]) -> None:
    """Print a table per scenario and budget."""
    head = ["policy, phase", "quality", "conduit ahead by", "spend/budget", "share of the arm"]
    head += ["recovery", "later than conduit"]
    tables: Mapping[tuple[str, float], list[PhaseRow]] = {
        key: [row for row in rows if (row.scenario, row.budget) == key]
        for key in dict.fromkeys((row.scenario, row.budget) for row in rows)
    }
    for (scenario, budget), mine in tables.items():
        show_table(f"{scenario}, {budget:.3g} USD per request", head, [_cells(row) for row in mine])


def verdict_checks(rows: Sequence[PhaseRow], names: Sequence[str]) -> list[Check]:
    """Everything that is asked of Conduit in the scenarios of these names."""
    ours = [row for row in rows if row.policy == OURS and row.scenario in names]
    return [check for row in ours for check in _checks(row, rows)]


def _checks(ours: PhaseRow, rows: Sequence[PhaseRow]) -> Iterator[Check]:
    budget, phase = ours.budget, ours.phase
    place = f"{ours.scenario} {budget:.3g} phase {phase}"
    for policy in (RIVAL, LABELLED):
        theirs = find(rows, ours.scenario, policy, budget=budget, phase=phase)
        bound = theirs.quality - SLACK
        yield Check(name=f"{place}: quality against {policy}", value=ours.quality, bound=bound)
    rival = find(rows, ours.scenario, RIVAL, budget=budget, phase=phase)
    bound = max(KEPT, rival.spend / budget)
    yield Check(name=f"{place}: spend/budget", value=ours.spend / budget, bound=bound, most=True)
    if ours.recovery is not None and rival.recovery is not None:
        bound = max(WINDOW, rival.recovery - 1)
        yield Check(name=f"{place}: recovery", value=ours.recovery, bound=bound, most=True)


def _row(runs: Sequence[Run], ours: Sequence[Run], phase: int) -> PhaseRow:
    part = slice(phase * PHASE, (phase + 1) * PHASE)
    quality = [float(run.quality[part].mean()) for run in runs]
    mean, error = mean_and_error(quality)
    lead = [float(a.quality[part].mean()) - q for a, q in zip(ours, quality, strict=True)]
    spend, spend_se = mean_and_error([float(run.cost[part].mean()) for run in runs])
    mine, own = _curves(runs, part), _curves(ours, part)
    return PhaseRow(
        scenario=runs[0].scenario,
        policy=runs[0].policy,
        budget=runs[0].budget,
        phase=phase + 1,
        quality=mean,
        quality_se=error,
        lead=mean_and_error(lead)[0],
        lead_se=mean_and_error(lead)[1],
        spend=spend,
        spend_se=spend_se,
        changed_share=float(np.mean([run.changed[part].mean() for run in runs])),
        recovery=int(recovery(mine.mean(axis=0))) if phase else None,
        later=_share_later(mine, own) if phase else None,
        seeds=len(runs),
    )


def _curves(runs: Sequence[Run], part: slice) -> Array:
    """(S, 608) quality over what the prompts give anybody."""
    return np.stack([(run.quality - run.ordinary)[part] for run in runs])


def _share_later(theirs: Array, ours: Array) -> float:
    rng = np.random.default_rng(0)
    picks = rng.integers(len(ours), size=(RESAMPLES, len(ours)))
    later = [recovery(theirs[pick].mean(axis=0)) > recovery(ours[pick].mean(axis=0)) for pick in picks]
    return float(np.mean(later))


def _cells(row: PhaseRow) -> list[str]:
    return [
        f"{row.policy} {row.phase}",
        f"{row.quality:.4f}±{row.quality_se:.4f}",
        "" if row.policy == OURS else f"{row.lead:+.4f}±{row.lead_se:.4f}",
        f"{row.spend / row.budget:.3f}",
        f"{row.changed_share:.3f}",
        "" if row.recovery is None else str(row.recovery),
        "" if row.later is None or row.policy == OURS else f"{row.later:.0%}",
    ]
