"""How soon does a router take up a new model, and how soon does it leave a poor one alone?

Three models of ParetoBandit's data, whose outcomes on the learning part are labelled data. After 608
prompts of the measured part another arm appears, of which nothing is known but its price: *good* is
gemini-2.5-flash; *poor* costs the same, and has half its quality. 1,185 more prompts follow, which on
``test`` is every prompt once; a smaller part is passed through again in another order until that many.

Shares are means over forty seeds, because they differ much from seed to seed (by .2), of a moving
window of 50 steps. Budgets are the fourth to the sixth of
``budget_pacing``: the newcomer's price lies between the first two of them; below, it can be paid for so
few prompts that a quarter of its share cannot be told from noise; above, money decides nothing. What
bounds the exploration of a poor arm was fixed before it was measured.

ParetoBandit has its shipped priors, is given the reward of every arm on the learning part, and is told
of the newcomer by ``register_model`` with its list price: left to itself (``paretobandit``), or with
twenty prompts that its caller sends there first (``paretobandit_forced``).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.models import ArmModels
from conduit.bandits.policies import policy_named
from conduit.core.arms import Arm
from conduit.core.statistics import Array
from conduit.evaluation.replay import replay
from conduit.evaluation.setting import Moment, Setting
from conduit.evaluation.stream import Stream
from experiments.arguments import Arguments, parse
from experiments.onboarding_rows import Row, checks, draw, show_rows, summarise
from experiments.parallel import spread
from experiments.paretobandit_peer import ParetoBanditPeer, peer_contexts
from experiments.provenance import count_evaluation
from experiments.recorded import PARETO_MODELS, encode, encoder_of, joined, paretobandit_split
from experiments.report import conclude

NAME = "onboarding"
NEWCOMER = "google/gemini-2.5-flash"
BUDGETS = (6.64e-4, 1.88e-3, 5.31e-3)
"""USD per request."""
BEFORE, AFTER = 608, 1185
"""Measured steps before and after the arm appears."""
POOR_QUALITY = 0.5
"""Of the poor arm, as a part of the good one's."""
FORCED = 20
"""Prompts that a caller of ParetoBandit sends to the newcomer first."""
SEED = 5000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """The learning part, then the measured one; the newcomer is the last arm.

    Args:
        name: of the newcomer, ``good`` or ``poor``.
        stream: four arms.
        peer: (n, 26) contexts of ParetoBandit.
        learn: number of prompts of the first part.
    """

    name: str
    stream: Stream
    peer: Array
    learn: int

    def order(self, seed: int) -> NDArray[np.intp]:
        """The measured prompts shuffled, again and again until there are enough."""
        rng = np.random.default_rng(seed)
        rest = len(self.stream) - self.learn
        passes = -(-(BEFORE + AFTER) // rest)
        order = np.concatenate([self.learn + rng.permutation(rest) for _ in range(passes)])
        return order[: BEFORE + AFTER]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One newcomer at one budget on one shuffle."""

    scene: Scene
    budget: float
    seed: int


def run_task(task: Task) -> list[Row]:
    """Every policy, one after the other."""
    return [_conduit(task), _paretobandit(task, forced=0), _paretobandit(task, forced=FORCED)]


def build(arguments: Arguments) -> tuple[list[Scene], str]:
    """The data as everybody sees them, with either newcomer."""
    split = paretobandit_split(arguments, models=(*PARETO_MODELS, NEWCOMER))
    encoder = encoder_of(arguments)
    parts = [encode(part, encoder) for part in (split.learn, split.measure)]
    stream = joined(*(part.stream for part in parts))
    peer = peer_contexts(np.vstack([part.embeddings for part in parts]))
    good = Scene(name="good", stream=stream, peer=peer, learn=len(parts[0].stream))
    return [good, replace(good, name="poor", stream=with_poor_arm(stream))], split.says


def with_poor_arm(stream: Stream) -> Stream:
    """The last arm under another name: the same cost, a part of the quality."""
    *known, good = stream.arms
    quality = stream.quality.copy()
    quality[:, -1] *= POOR_QUALITY
    poor = Arm(id="poor", provider=good.provider, price=good.price)
    return replace(stream, arms=(*known, poor), quality=quality)


def main(argv: Sequence[str] | None = None) -> int:
    """Run, report, and say whether it holds."""
    arguments = parse(NAME, about=(__doc__ or "").partition("\n")[0], seeds=40, argv=argv)
    scenes, says = build(arguments)
    held_out = count_evaluation(arguments)
    first = scenes[0]
    print(f"{says}; {first.learn:,} and {len(first.stream) - first.learn:,} prompts")
    print(f"a new arm after {BEFORE} of {BEFORE + AFTER:,} measured steps")
    seeds = range(SEED, SEED + arguments.seeds)
    tasks = [Task(scene=c, budget=b, seed=s) for c in scenes for b in BUDGETS for s in seeds]
    found = [row for rows in spread(run_task, tasks, arguments) for row in rows]
    rows = summarise(found, before=BEFORE)
    show_rows(rows)
    print(f"\npicture: {draw(found, arguments, before=BEFORE)}")
    figures = {"split": says, "budgets": BUDGETS, "rows": [asdict(row) for row in rows]}
    return conclude(arguments, figures, checks=checks(rows), held_out=held_out)


def _conduit(task: Task) -> Row:
    scene = task.scene
    newcomer = scene.stream.arms[-1].id
    labelled = scene.stream.subset(np.arange(scene.learn)).statistics()
    absent = np.array([arm.id != newcomer for arm in scene.stream.arms])

    def world(step: int, models: ArmModels) -> Moment:  # noqa: ARG001 - a world is told them
        return Moment(allowed=absent if step < BEFORE else None)

    setting = Setting(
        policy=policy_named("thompson", models=()),
        budget=task.budget,
        statistics={key: sums for key, sums in labelled.items() if key[0] != newcomer},
        world=world,
    )
    rng = np.random.default_rng([task.seed, BUDGETS.index(task.budget)])
    run = replay(scene.stream, setting, rng=rng, order=scene.order(task.seed))
    return _row(task, "conduit", arms=run.arms, quality=run.quality, cost=run.cost)


def _paretobandit(task: Task, *, forced: int) -> Row:
    scene, order = task.scene, task.scene.order(task.seed).tolist()
    *known, newcomer = scene.stream.arms
    peer = ParetoBanditPeer(
        scene.stream,
        scene.peer,
        budget=task.budget,
        start="shipped",
        seed=task.seed,
        models=[arm.id for arm in known],
    )
    learn = np.random.default_rng(task.seed).permutation(scene.learn)
    peer.label(learn.tolist())
    before = peer.run(order[:BEFORE])
    peer.add(newcomer)
    tried = peer.force(newcomer, order[BEFORE : BEFORE + forced])
    runs = before, tried, peer.run(order[BEFORE + forced :])
    return _row(
        task,
        "paretobandit_forced" if forced else "paretobandit",
        arms=np.concatenate([run.arms for run in runs]),
        quality=np.concatenate([run.quality for run in runs]),
        cost=np.concatenate([run.cost for run in runs]),
    )


def _row(task: Task, policy: str, *, arms: NDArray[np.intp], quality: Array, cost: Array) -> Row:
    return Row(
        newcomer=task.scene.name,
        policy=policy,
        budget=task.budget,
        seed=task.seed,
        chosen=arms == len(task.scene.stream.arms) - 1,
        quality=quality,
        cost=cost,
    )


if __name__ == "__main__":
    sys.exit(main())
