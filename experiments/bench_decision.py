"""How long do a decision and an update take, beside ParetoBandit's policy and a plain memory sweep?

One event at a time on one thread of linear algebra, all contestants in turn within each round, and the
median over rounds of the processor's time, in which waiting for other programs does not count. *Decision*
lets time pass, scores every arm, takes its cost penalty off and takes the best, as ParetoBandit's
``select_arm`` and ``mark_selected`` do; *full* is what a router does: estimates of quality and cost,
exact propensities, floor, draw. *Update* is one observation of one head, statistics and posterior, faded as
ParetoBandit's are (.997 per observation), without the choice of a new prior; *rebuild* is that choice, which
falls due when a tenth has faded, and *update, rebuilds shared* has an update's part in it. *Sweep* reads
K·d² numbers once. Vowpal Wabbit and MABWiser run in the same process, on contexts they have seen before,
choose without penalties and forget nothing. And is the state still exact after 100,000 updates that fade,
with 5 arms, and with 20, whose deviations are computed in single precision?
"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from time import process_time

import numpy as np

from conduit.bandits.chooser import Chooser, Wish
from conduit.bandits.models import ArmModels
from conduit.bandits.policies import policy_named
from conduit.bandits.utility import PRESETS
from conduit.core.arms import Arm
from conduit.core.forgetting import Forgetting
from conduit.core.models import OptimizeFor, QueryConstraints
from conduit.core.outcomes import Head
from conduit.core.statistics import Array, SufficientStatistics
from experiments.arguments import parse
from experiments.bench_decision_rows import KEPT, Row, show_rows
from experiments.bench_peers import TIMED, Event, peer_events
from experiments.exact_posterior import BOUND, Exactness, exactness
from experiments.peers import Peer, installed
from experiments.report import Check, conclude

NAME = "bench_decision"
SIZES = ((32, 5), (64, 5), (128, 5), (64, 20), (64, 100))
ROUNDS, EVENTS = 40, 50
CONTEXTS = 512
UPDATES = 100_000
"""Observations after which the state is compared with the exact posterior."""
FULL_BOUND = 80.0
"""Microseconds for a full decision at (64, 5)."""
UPDATE_BOUND = 10.0
"""Microseconds for an update at d = 64."""
TICK = 0.5
"""Observations that pass between two events: few enough that no rebuild falls among those timed."""
EXACT_ARMS = (5, 20)
"""From 16 arms on deviations at d = 64 are computed in single precision."""
LARGE = 80_000
"""K·d² from which the memory sweep is what a decision is measured against."""


def events_of(dim: int, arms: int, peers: Sequence[Peer]) -> dict[str, Event]:
    """What is timed, each as a function of the event's number."""
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(CONTEXTS), rng.standard_normal((CONTEXTS, dim - 1)) / dim**0.5])
    return {
        **_ours(X, arms),
        **_theirs(X, arms),
        **_sweep(dim, arms),
        **peer_events(peers, X, arms),
    }


def measure(dim: int, arms: int, peers: Sequence[Peer]) -> Row:
    """Median over rounds of the mean time of an event, contestants in turn."""
    events = events_of(dim, arms, peers)
    times: dict[str, list[float]] = {name: [] for name in events}
    for _ in range(ROUNDS):
        for name, event in events.items():
            turns = 1 if name == "rebuild" else EVENTS
            start = process_time()
            for i in range(turns):
                event(i)
            times[name].append((process_time() - start) / turns * 1e6)
    return Row(dim=dim, arms=arms, **{n: float(np.median(t)) for n, t in times.items()})


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, report, and say whether it holds."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # noqa: PLC0415  # in an extra

    arguments = parse(NAME, about=(__doc__ or "").partition("\n")[0], seeds=1, argv=argv)
    logging.getLogger("pareto_bandit").setLevel(logging.ERROR)
    peers = installed(TIMED)
    with threadpool_limits(limits=1):
        rows = [measure(dim, arms, peers) for dim, arms in SIZES]
    show_rows(rows)
    exact = {arms: exactness(updates=UPDATES, arms=arms) for arms in EXACT_ARMS}
    figures = {
        "rows": [{**asdict(row), "ratios": row.ratios()} for row in rows],
        "exactness": {f"{arms} arms": asdict(found) for arms, found in exact.items()},
    }
    checks = [*_checks(rows), *(_is_exact(arms, found) for arms, found in exact.items())]
    return conclude(arguments, figures, checks=checks, held_out=None)


def _ours(X: Array, arms: int) -> dict[str, Event]:
    models = _learned(X, arms)
    policy = policy_named("thompson", models=())
    chooser = Chooser(
        policy,
        baseline=models.arms[0],
        steering=None,
        rng=np.random.default_rng(1),
    )
    wish = Wish(
        constraints=QueryConstraints(),
        weights=PRESETS[OptimizeFor.BALANCED],
        allowed=np.ones(arms, bool),
    )
    head, penalties = models.head(Head.QUALITY), np.full(arms, 0.1)

    def decision(i: int) -> int:
        head.advance(i * TICK)
        mean, std = head.predict(X[i])
        return int((mean + 0.1 * std - penalties).argmax())

    def full(i: int) -> object:
        models.advance(i * TICK)
        return chooser.choose(models.estimate(X[i], token_count=100), models, wish)

    def update(i: int) -> None:
        head.absorb(i % arms, X[i], 0.5, at=i * TICK)

    def rebuild(_: int) -> None:
        head.advance(0.0)
        head.rebuild()

    return {"decision": decision, "full": full, "update": update, "rebuild": rebuild}


def _learned(X: Array, arms: int) -> ArmModels:
    """Models that have seen every context once per arm, with quality and cost."""
    rng = np.random.default_rng(2)
    return ArmModels(
        [Arm(id=str(k), provider="x") for k in range(arms)],
        dim=X.shape[1],
        statistics={
            (str(k), head.value): SufficientStatistics.of(X, level + rng.random(len(X)))
            for k in range(arms)
            for head, level in ((Head.QUALITY, 0.0), (Head.LOG_COST, -8.0))
        },
        forgetting=Forgetting(half_life=math.log(0.5) / math.log(KEPT)),
    )


def _theirs(X: Array, arms: int) -> dict[str, Event]:
    from pareto_bandit.policy import DisjointLinUCBPolicy  # noqa: PLC0415  # in an extra

    names = [str(k) for k in range(arms)]
    policy = DisjointLinUCBPolicy(names, dim=X.shape[1], forgetting_factor=KEPT, seed=0)
    penalties = dict.fromkeys(names, 0.1)

    def decision(i: int) -> None:
        chosen, _ = policy.select_arm(X[i], cost_penalties=penalties)
        policy.mark_selected(chosen)

    def update(i: int) -> None:
        policy.update(names[i % arms], X[i], 0.5, advance_time=False)

    return {"paretobandit_decision": decision, "paretobandit_update": update}


def _sweep(dim: int, arms: int) -> dict[str, Event]:
    numbers = np.random.default_rng(3).random(arms * dim * dim)
    return {"sweep": lambda _: numbers.sum()}


def _is_exact(arms: int, found: Exactness) -> Check:
    name = f"millionths from the exact posterior of {arms} arms after {found.updates} that fade"
    return Check(name=name, value=1e6 * found.worst, bound=1e6 * BOUND, most=True)


def _checks(rows: Sequence[Row]) -> list[Check]:
    checks = []
    for row in rows:
        place = f"({row.dim}, {row.arms})"
        if row.arms in (5, 100):
            ratio = row.decision / row.paretobandit_decision
            bound = 0.4 if row.arms == 5 else 0.6
            name = f"{place}: decision against paretobandit"
            checks.append(Check(name=name, value=ratio, bound=bound, most=True))
        ratio = row.update / row.paretobandit_update
        name = f"{place}: update against paretobandit"
        checks.append(Check(name=name, value=ratio, bound=0.5, most=True))
        if row.arms * row.dim**2 >= LARGE:
            ratio = row.decision / row.sweep
            name = f"{place}: decision against sweep"
            checks.append(Check(name=name, value=ratio, bound=1.3, most=True))
        if (row.dim, row.arms) == (64, 5):
            checks.append(
                Check(name=f"{place}: full, µs", value=row.full, bound=FULL_BOUND, most=True)
            )
            checks.append(
                Check(name=f"{place}: update, µs", value=row.update, bound=UPDATE_BOUND, most=True)
            )
    return checks


if __name__ == "__main__":
    sys.exit(main())
