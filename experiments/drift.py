"""Does a router notice that a model got cheaper, or worse, and find its way back?

Three models of ParetoBandit's own data, three phases of 608 prompts, three budgets, its own for drift.
In the second phase one arm changes, and is as before in the third: the price of the dearest falls to a
hundredth, or the quality of ``mistral-large`` is multiplied so that its mean is .75. Nobody is told of
quality. Of the price both routers are told through the call each has for it (``price told``, which is
what the verdict is about, and what ParetoBandit's own experiment does), or neither is (``price silent``,
shown beside it): then only the bills say so.

Everybody has learned on the other part of the data: Conduit from its labels; ParetoBandit starts from
its shipped priors with the settings tuned for them, and passes through the same prompts online, as in
its own experiments (``paretobandit``), or is given the reward of every arm (``paretobandit_labelled``).
ParetoBandit forgets at .997 a step; Conduit does not forget by age here, τ = ∞ as by default, but
learns an arm anew that contradicts what was learned of it (``conduit.bandits.vigilance``). Phases are
drawn per seed: from the held part without a prompt coming twice, while tuning each phase anew.

Conduit must be no worse in any phase: in quality than either rival less .0005, in spend than
``paretobandit`` or the budget kept within .5%; and recover sooner than ``paretobandit`` after either
change (defined in ``drift_rows``), or at once.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.policies import policy_named
from conduit.evaluation.replay import Replay, replay
from conduit.evaluation.setting import Setting
from experiments.arguments import parse
from experiments.budget_pacing import World, build
from experiments.drift_picture import draw
from experiments.drift_rows import LABELLED, OURS, RIVAL, Run, show_rows, summarise, verdict_checks
from experiments.drift_scenarios import (
    BUDGETS,
    PHASE,
    PHASES,
    Changes,
    Scenario,
    draw_phases,
    scenarios,
)
from experiments.parallel import spread
from experiments.paretobandit_peer import ParetoBanditPeer, PeerSteps
from experiments.provenance import count_evaluation
from experiments.report import conclude

NAME = "drift"
SEED = 5000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One seed at one budget in one scenario."""

    world: World
    scenario: Scenario
    budget: float
    seed: int


def run_task(task: Task) -> list[Run]:
    """Every policy on the same prompts, one after the other."""
    world = task.world
    phases = world.learn + draw_phases(len(world.stream) - world.learn, task.seed)
    runs: Mapping[str, Replay | PeerSteps] = {
        OURS: _conduit(task, phases),
        RIVAL: _peer(task, phases, labelled=False),
        LABELLED: _peer(task, phases, labelled=True),
    }
    arms = world.stream.arms
    factors = [np.asarray(task.scenario.moment(phase, arms).quality) for phase in range(PHASES)]
    ordinary = (np.repeat(factors, PHASE, axis=0) * world.stream.quality[phases]).mean(axis=1)
    column = [arm.id for arm in arms].index(task.scenario.arm)
    return [
        Run(
            scenario=task.scenario.name,
            policy=policy,
            budget=task.budget,
            seed=task.seed,
            quality=run.quality,
            ordinary=ordinary,
            cost=run.cost,
            changed=run.arms == column,
        )
        for policy, run in runs.items()
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run, report, and say whether it holds."""
    arguments = parse(NAME, about=(__doc__ or "").partition("\n")[0], seeds=20, argv=argv)
    world, says = build(arguments)
    held_out = count_evaluation(arguments)
    print(f"{says}; {world.learn:,} and {len(world.stream) - world.learn:,} prompts")
    asked = scenarios(world.stream.subset(np.arange(world.learn, len(world.stream))))
    tasks = [
        Task(world=world, scenario=scenario, budget=budget, seed=SEED + seed)
        for scenario in asked
        for budget in BUDGETS
        for seed in range(arguments.seeds)
    ]
    runs = [run for found in spread(run_task, tasks, arguments) for run in found]
    rows = summarise(runs)
    show_rows(rows)
    print(f"\npicture: {draw(runs, arguments)}")
    checks = verdict_checks(rows, [s.name for s in asked if s.told or s.cost == 1.0])
    figures = {
        "split": says,
        "phase": PHASE,
        "scenarios": [asdict(scenario) for scenario in asked],
        "rows": [asdict(row) for row in rows],
    }
    return conclude(arguments, figures, checks=checks, held_out=held_out)


def _conduit(task: Task, phases: NDArray[np.intp]) -> Replay:
    world = task.world
    setting = Setting(
        policy=policy_named("thompson", models=()),
        budget=task.budget,
        statistics=world.stream.subset(np.arange(world.learn)).statistics(),
        world=Changes(scenario=task.scenario, arms=world.stream.arms),
    )
    rng = np.random.default_rng([task.seed, 1])
    return replay(world.stream, setting, rng=rng, order=phases)


def _peer(task: Task, phases: NDArray[np.intp], *, labelled: bool) -> PeerSteps:
    world, scenario = task.world, task.scenario
    peer = ParetoBanditPeer(
        world.stream, world.peer, budget=task.budget, start="shipped", seed=task.seed
    )
    learn = np.random.default_rng(task.seed).permutation(world.learn).tolist()
    if labelled:
        peer.label(learn)
    else:
        peer.run(learn)
    parts = []
    for phase, rows in enumerate(np.split(phases, PHASES)):
        if scenario.told and phase:
            peer.reprice(scenario.arm, scenario.factors(phase)[1])
        parts.append(peer.run(rows.tolist(), scenario.moment(phase, world.stream.arms)))
    return PeerSteps(
        quality=np.concatenate([part.quality for part in parts]),
        cost=np.concatenate([part.cost for part in parts]),
        arms=np.concatenate([part.arms for part in parts]),
    )


if __name__ == "__main__":
    sys.exit(main())
