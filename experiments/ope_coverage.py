"""Does a log tell, with honest intervals, what another policy would have given?

The default policy meets 20,000 prompts of ParetoBandit's data, drawn with replacement and anew in every
repetition, and learns as it goes. From its log alone SNIPS and DR estimate three policies that decide
otherwise: the best fixed arm; a router with full information (ridge regressions on the learn split); and
what a user would ask who wants to save a little more: that router, except that the cheapest arm, which
the log rarely draws, answers the quarter of prompts on which it is expected to lose least. Outcomes are
recorded for every arm, so the truth is known: the average over exactly the logged prompts. A refusal is
counted apart, never as covered. A fourth question, always the cheapest arm, is one that such a log cannot
answer, and must be refused.

*budget*: .015 USD per request, the seventh of ParetoBandit's budgets, at which the default floor can
afford every arm, and the first three questions must be answered by every log. *balanced*: the default
trade-off without a budget, in a twentieth of the repetitions: there 2% of the spend buys next to no log of
the dear arm, so a fifth question, always the dearest arm, must be refused as the fourth is. What
the floor costs is measured in both, on the same prompts and draws without it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.policies import NO_FLOOR, policy_named
from conduit.bandits.utility import PRESETS, Weights
from conduit.core.models import OptimizeFor
from conduit.core.statistics import Array
from conduit.evaluation.logged import Log, Outcome, picked
from conduit.evaluation.off_policy import Method, estimate
from conduit.evaluation.replay import Replay, replay
from conduit.evaluation.replay_log import log_of
from conduit.evaluation.setting import Setting
from conduit.evaluation.stream import Stream
from experiments.arguments import parse
from experiments.full_information import ridge_estimates
from experiments.ope_picture import draw
from experiments.ope_rows import (
    ALWAYS_CHEAPEST,
    ALWAYS_DEAREST,
    Answered,
    Repetition,
    show_rows,
    summarise,
    verdict_checks,
)
from experiments.parallel import spread
from experiments.provenance import count_evaluation
from experiments.recorded import encode, encoder_of, paretobandit_split
from experiments.report import conclude

NAME = "ope_coverage"
SEED = 5000
DECISIONS = 20_000
"""Length of every log: with half of that, the default floor leaves a third of the questions about the best
arm, and nearly all about the rare one, below the 50 effective rows that an answer needs."""
FLOORLESS = 50
"""Repetitions in which the log is made once more without the floor."""
SAVING = 0.25
"""Share of prompts on which the third target takes the cheapest arm."""
DEFAULT = "thompson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Under which conditions logs are made.

    Args:
        name: of the scenario.
        budget: USD per request; None without a pacer.
        one_in: repetitions that are run, one in so many.
    """

    name: str
    budget: float | None
    one_in: int = 1

    @property
    def weights(self) -> Weights:
        """What the default policy values: under a budget, quality as far as the money goes."""
        preset = PRESETS[OptimizeFor.BALANCED]
        return preset if self.budget is None else preset.paced()

    def utility(self, quality: Array, cost: Array, *, unit: float) -> Array:
        """Quality less what the cost is worth in quality; ``unit`` is that of the cost weight, USD."""
        return quality - self.weights.cost / self.weights.quality / unit * cost


SCENARIOS = (
    Scenario(name="budget", budget=1.5e-2),
    Scenario(name="balanced", budget=None, one_in=20),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """Prompts with everything that could come of them.

    Args:
        stream: the prompts that logs are drawn from.
        targets: per scenario and target, (n,) the arm it chooses for each of them.
        decisions: length of a log.
    """

    stream: Stream
    targets: Mapping[tuple[str, str], NDArray[np.intp]]
    decisions: int = DECISIONS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One log of one scenario."""

    world: World
    scenario: Scenario
    seed: int
    floorless: bool


def run_task(task: Task) -> Repetition:
    """Make one log, and ask it about every target."""
    world, scenario = task.world, task.scenario
    rng = np.random.default_rng(task.seed)
    rows = rng.integers(0, len(world.stream), world.decisions)
    made = _logged(task, rows, floor=True)
    log = log_of(made, world.stream.arms)
    answers = [
        answer
        for (of, target), arms in world.targets.items()
        if of == scenario.name
        for answer in _answers(world, log, rows, target=target, arms=arms)
    ]
    loss = extra = None
    if task.floorless:
        loss, extra = _price_of_floor(task, rows, made)
    return Repetition(scenario=scenario.name, answers=answers, loss=loss, extra_spend=extra)


def build(stream: Stream, learn: Stream, *, decisions: int = DECISIONS) -> World:
    """The targets, each a function of the prompt alone."""
    expected = ridge_estimates(learn, stream)
    unit = _unit(stream)
    n, spend = len(stream), stream.cost.mean(axis=0)
    cheap, dear = int(spend.argmin()), int(spend.argmax())
    targets = {}
    for scenario in SCENARIOS:
        fixed = scenario.utility(stream.quality, stream.cost, unit=unit).mean(axis=0).argmax()
        worth = scenario.utility(expected.quality, expected.cost, unit=unit)
        targets[scenario.name, "best fixed arm"] = np.full(n, fixed, np.intp)
        targets[scenario.name, "full-information router"] = worth.argmax(axis=1)
        targets[scenario.name, "rare cheap arm"] = sparing(worth, cheap, share=SAVING)
        targets[scenario.name, ALWAYS_CHEAPEST] = np.full(n, cheap, np.intp)
        if scenario.budget is None:
            targets[scenario.name, ALWAYS_DEAREST] = np.full(n, dear, np.intp)
    return World(stream=stream, targets=targets, decisions=decisions)


def sparing(worth: Array, cheap: int, *, share: float) -> NDArray[np.intp]:
    """The best arm of each prompt, but one arm where it loses least.

    Args:
        worth: (n, K) expected utility.
        cheap: index of that arm.
        share: of prompts that it answers; where it is the best anyway counts among them.
    """
    arms: NDArray[np.intp] = worth.argmax(axis=1)
    loss = worth.max(axis=1) - worth[:, cheap]
    arms[np.argsort(loss, kind="stable")[: round(share * len(worth))]] = cheap
    return arms


def tasks_of(world: World, repetitions: int) -> list[Task]:
    """Every repetition of every scenario."""
    return [
        Task(world=world, scenario=scenario, seed=SEED + seed, floorless=seed < FLOORLESS)
        for scenario in SCENARIOS
        for seed in range(-(-repetitions // scenario.one_in))
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run, report, and say whether it holds."""
    arguments = parse(NAME, about=(__doc__ or "").partition("\n")[0], seeds=1000, argv=argv)
    split = paretobandit_split(arguments)
    encoder = encoder_of(arguments)
    learn, measure = (encode(part, encoder).stream for part in (split.learn, split.measure))
    held_out = count_evaluation(arguments)
    world = build(measure, learn)
    print(
        f"{split.says}; logs of {world.decisions:,} decisions drawn from {len(measure):,} prompts"
    )
    started = time.monotonic()
    found = spread(run_task, tasks_of(world, arguments.seeds), arguments)
    seconds = time.monotonic() - started
    rows, floor = summarise(found)
    show_rows(rows, floor)
    print(f"\n{len(found):,} logs in {seconds:,.0f} s; picture: {draw(rows, arguments)}")
    figures = {
        "split": split.says,
        "decisions": world.decisions,
        "seconds": seconds,
        "rows": [asdict(row) for row in rows],
        "floor": [asdict(row) for row in floor],
    }
    return conclude(arguments, figures, checks=verdict_checks(rows, floor), held_out=held_out)


def _logged(task: Task, rows: NDArray[np.intp], *, floor: bool) -> Replay:
    policy = policy_named(DEFAULT, models=())
    setting = Setting(
        policy=policy if floor else replace(policy, floor=NO_FLOOR),
        budget=task.scenario.budget,
    )
    return replay(task.world.stream, setting, rng=np.random.default_rng([task.seed, 1]), order=rows)


def _answers(
    world: World, log: Log, rows: NDArray[np.intp], *, target: str, arms: NDArray[np.intp]
) -> Iterator[Answered]:
    chosen = arms[rows]
    policy = np.eye(len(log.arms))[chosen]
    changed = float(1 - picked(log.propensity, chosen).mean())
    recorded = {Outcome.QUALITY: world.stream.quality, Outcome.SPEND: world.stream.cost}
    for outcome, method in product(Outcome, Method):
        would_be = picked(recorded[outcome], arms)
        answer = estimate(log, policy, outcome=outcome, method=method)
        yield Answered(
            target=target,
            outcome=outcome.value,
            method=method.value,
            changed=changed,
            truth=float(would_be[rows].mean()),
            anywhere=float(would_be.mean()),
            answer=answer,
        )


def _price_of_floor(task: Task, rows: NDArray[np.intp], made: Replay) -> tuple[float, float]:
    """Utility per request that the floor loses, and the share by which it raises the spend."""
    without = _logged(task, rows, floor=False)
    unit = _unit(task.world.stream)
    earned = [
        float(task.scenario.utility(run.quality, run.cost, unit=unit).mean())
        for run in (without, made)
    ]
    return earned[0] - earned[1], float(made.cost.sum() / without.cost.sum()) - 1


def _unit(stream: Stream) -> float:
    """USD of an ordinary call of the dearest arm, the baseline."""
    return float(stream.cost.mean(axis=0).max())


if __name__ == "__main__":
    sys.exit(main())
