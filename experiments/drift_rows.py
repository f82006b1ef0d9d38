"""Rows of ``drift``: quality and spend by phase, recovery after a change, and what must hold of them.

*Recovery* is the first step after a change at which a moving average of quality over 100 steps is
within .005 of its later level. Windows lie inside the phase, so 100 means at once; the later level is
the mean of the phase's second half; the curve is the mean over seeds. From every quality the mean over
all arms at that prompt is taken off first: easy and hard prompts, which are the same for every policy,
would move the curve more than any policy does. A policy that does not react at all is at its later
level from the start: one whose later level is more than .005 below that of the policy it is compared
with (Conduit, and for Conduit ``paretobandit``) has not recovered when the phase ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

    ``lead`` is Conduit's quality minus this policy's, paired by seed. ``recovery`` is in steps, 608
    where there is none, and None in the first phase; ``later`` is the share of resamples of the
    seeds in which it is later than that of the policy it is compared with.
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


def recovery(curve: Array, *, other: Array) -> int:
    """Steps until a curve (n,) of quality by step has come to its later level; n for never.

    Args:
        curve: of one policy.
        other: (n,) of the policy it is compared with.
    """
    steps = len(curve)
    level, wanted = (float(some[steps // 2 :].mean()) for some in (curve, other))
    there = np.abs(moving_average(curve) - level) <= WITHIN
    if level < wanted - WITHIN or not there.any():
        return steps
    return WINDOW + int(there.argmax())


def summarise(runs: Sequence[Run]) -> list[PhaseRow]:
    """Means over seeds, in order of first appearance."""
    groups: dict[tuple[str, float, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.scenario, run.budget, run.policy), []).append(run)
    return [
        _row(
            group,
            ours=groups[scenario, budget, OURS],
            other=groups[scenario, budget, RIVAL if policy == OURS else OURS],
            phase=phase,
        )
        for (scenario, budget, policy), group in groups.items()
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
    head += ["recovery", "later than the other"]
    for scenario, budget in dict.fromkeys((row.scenario, row.budget) for row in rows):
        mine = [row for row in rows if (row.scenario, row.budget) == (scenario, budget)]
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


def _row(runs: Sequence[Run], *, ours: Sequence[Run], other: Sequence[Run], phase: int) -> PhaseRow:
    part = slice(phase * PHASE, (phase + 1) * PHASE)
    quality, spend = _means(runs, "quality", part), _means(runs, "cost", part)
    lead = np.subtract(_means(ours, "quality", part), quality).tolist()
    mine, theirs = _curves(runs, part), _curves(other, part)
    return PhaseRow(
        scenario=runs[0].scenario,
        policy=runs[0].policy,
        budget=runs[0].budget,
        phase=phase + 1,
        quality=mean_and_error(quality)[0],
        quality_se=mean_and_error(quality)[1],
        lead=mean_and_error(lead)[0],
        lead_se=mean_and_error(lead)[1],
        spend=mean_and_error(spend)[0],
        spend_se=mean_and_error(spend)[1],
        changed_share=float(np.mean(_means(runs, "changed", part))),
        recovery=recovery(mine.mean(axis=0), other=theirs.mean(axis=0)) if phase else None,
        later=_share_later(mine, theirs) if phase else None,
        seeds=len(runs),
    )


def _means(runs: Sequence[Run], of: str, part: slice) -> list[float]:
    return [float(getattr(run, of)[part].mean()) for run in runs]


def _curves(runs: Sequence[Run], part: slice) -> Array:
    """(S, 608) quality over what the prompts give anybody."""
    return np.stack([(run.quality - run.ordinary)[part] for run in runs])


def _share_later(mine: Array, theirs: Array) -> float:
    """How often the first policy (S, n) recovers later than the other, over resampled seeds."""
    rng = np.random.default_rng(0)
    later = 0
    for _ in range(RESAMPLES):
        pick = rng.integers(len(mine), size=len(mine))
        a, b = mine[pick].mean(axis=0), theirs[pick].mean(axis=0)
        later += recovery(a, other=b) > recovery(b, other=a)
    return later / RESAMPLES


def _cells(row: PhaseRow) -> list[str]:
    return [
        f"{row.policy} {row.phase}",
        f"{row.quality:.4f}±{row.quality_se:.4f}",
        "" if row.policy == OURS else f"{row.lead:+.4f}±{row.lead_se:.4f}",
        f"{row.spend / row.budget:.3f}±{row.spend_se / row.budget:.3f}",
        f"{row.changed_share:.3f}",
        "" if row.recovery is None else str(row.recovery),
        "" if row.later is None else f"{row.later:.0%}",
    ]
