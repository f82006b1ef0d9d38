"""How much quality does a budget buy, against ParetoBandit and against blind mixtures?

Three models of ParetoBandit's own data, at its own seven budgets. *Cold*: every policy meets ``val``
online, seeing the outcome of the arm it chose, then ``test`` likewise; ParetoBandit as in its quick
start (``paretobandit``) or with the settings it tuned (``paretobandit_tuned``). *Warm*: ``val`` is
labelled data; ParetoBandit has its shipped priors besides, and passes through the same prompts online
(``paretobandit``) or is given the reward of every arm (``paretobandit_labelled``). Quality and spend
are those of the test phase, during which all keep learning.

The pacer's token bucket holds 100 requests' worth of the budget, its default.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.pacer import PacerGains
from conduit.bandits.policies import policy_named
from conduit.core.statistics import Array
from conduit.evaluation.frontier import mixture_quality
from conduit.evaluation.replay import Replay, replay
from conduit.evaluation.setting import Setting
from conduit.evaluation.stream import Stream
from experiments.arguments import Arguments, parse
from experiments.budget_picture import draw
from experiments.budget_rows import Row, show_rows, summarise, verdict_checks
from experiments.full_information import ridge_estimates, within_budget
from experiments.parallel import spread
from experiments.paretobandit_peer import ParetoBanditPeer, PeerSteps, Start, peer_contexts
from experiments.provenance import count_evaluation
from experiments.recorded import encode, encoder_of, joined, paretobandit_split
from experiments.report import conclude

NAME = "budget_pacing"
BUDGETS = (2.93e-5, 8.29e-5, 2.35e-4, 6.64e-4, 1.88e-3, 5.31e-3, 1.50e-2)
"""USD per request; ParetoBandit's, from its cheapest model's cost to its dearest's."""
SEED = 3000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """Both phases as one stream, and the same prompts as the peer sees them.

    Args:
        stream: the learning phase, then the measured one.
        peer: (n, 26) contexts of ParetoBandit.
        learn: number of prompts of the first phase.
    """

    stream: Stream
    peer: Array
    learn: int

    def order(self, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Each phase shuffled, the same for every policy."""
        rng = np.random.default_rng(seed)
        rest = len(self.stream) - self.learn
        return rng.permutation(self.learn), self.learn + rng.permutation(rest)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One seed at one budget."""

    world: World
    seed: int
    budget: float


def run_task(task: Task) -> list[Row]:
    """Every policy at one budget on one shuffle, one after the other."""
    world = task.world
    phases = world.order(task.seed)
    runs: dict[tuple[str, str], Replay | PeerSteps] = {
        ("cold", "conduit"): _conduit(task, np.concatenate(phases), warm=False).since(world.learn),
        ("warm", "conduit"): _conduit(task, phases[1], warm=True),
        ("cold", "paretobandit"): _peer(task, *phases, start="quick_start"),
        ("cold", "paretobandit_tuned"): _peer(task, *phases, start="tuned"),
        ("warm", "paretobandit"): _peer(task, *phases, start="shipped"),
        ("warm", "paretobandit_labelled"): _peer(task, *phases, start="shipped", labelled=True),
    }
    return [
        Row(
            setting=setting,
            policy=policy,
            budget=task.budget,
            seed=task.seed,
            quality=float(run.quality.mean()),
            spend=float(run.cost.mean()),
        )
        for (setting, policy), run in runs.items()
    ]


def references(world: World) -> Iterator[Row]:
    """What needs no seed: fixed arms, the best constant mixtures, full information."""
    learn = world.stream.subset(np.arange(world.learn))
    measure = world.stream.subset(np.arange(world.learn, len(world.stream)))
    expected = ridge_estimates(learn, measure)
    quality, cost = measure.quality.mean(axis=0), measure.cost.mean(axis=0)
    for setting in ("cold", "warm"):
        for arm, q, c in zip(measure.arms, quality, cost, strict=True):
            yield Row(setting=setting, policy=f"fixed:{arm.id}", quality=float(q), spend=float(c))
        for budget in BUDGETS:
            mixed = mixture_quality(cost, quality, budget)
            spend = min(budget, float(cost[quality.argmax()]))
            yield Row(setting=setting, policy="mixture", budget=budget, quality=mixed, spend=spend)
            q, c = within_budget(expected, measure, budget)
            yield Row(setting=setting, policy="full_information", budget=budget, quality=q, spend=c)


def build(arguments: Arguments) -> tuple[World, str]:
    """The data as everybody sees them."""
    split = paretobandit_split(arguments)
    encoder = encoder_of(arguments)
    parts = [encode(part, encoder) for part in (split.learn, split.measure)]
    stream = joined(*(part.stream for part in parts))
    peer = peer_contexts(np.vstack([part.embeddings for part in parts]))
    return World(stream=stream, peer=peer, learn=len(split.learn)), split.says


def main(argv: Sequence[str] | None = None) -> int:
    """Run, report, and say whether it holds."""
    arguments = parse(NAME, about=(__doc__ or "").partition("\n")[0], seeds=20, argv=argv)
    world, says = build(arguments)
    held_out = count_evaluation(arguments)
    print(f"{says}; {world.learn:,} and {len(world.stream) - world.learn:,} prompts")
    print(f"bucket: {PacerGains().capacity:g} requests' worth of the budget")
    seeds = range(SEED, SEED + arguments.seeds)
    tasks = [Task(world=world, seed=s, budget=b) for s in seeds for b in BUDGETS]
    found = [row for rows in spread(run_task, tasks, arguments) for row in rows]
    rows = summarise([*found, *references(world)])
    show_rows(rows, BUDGETS)
    picture = draw(rows, arguments)
    print(f"\npicture: {picture}")
    figures = {"split": says, "budgets": BUDGETS, "rows": [asdict(row) for row in rows]}
    return conclude(arguments, figures, checks=verdict_checks(rows, BUDGETS), held_out=held_out)


def _conduit(task: Task, order: NDArray[np.intp], *, warm: bool) -> Replay:
    world = task.world
    learned = world.stream.subset(np.arange(world.learn)).statistics() if warm else {}
    setting = Setting(
        policy=policy_named("thompson", models=()), budget=task.budget, statistics=learned
    )
    rng = np.random.default_rng([task.seed, BUDGETS.index(task.budget)])
    return replay(world.stream, setting, rng=rng, order=order)


def _peer(
    task: Task,
    learn: NDArray[np.intp],
    measure: NDArray[np.intp],
    *,
    start: Start,
    labelled: bool = False,
) -> PeerSteps:
    world = task.world
    peer = ParetoBanditPeer(
        world.stream, world.peer, budget=task.budget, start=start, seed=task.seed
    )
    if labelled:
        peer.label(learn.tolist())
    else:
        peer.run(learn.tolist())
    return peer.run(measure.tolist())


if __name__ == "__main__":
    sys.exit(main())
