"""What does a router earn that starts knowing nothing? Every policy on three data sets.

Utility is ``u = q − w · cost / best_cost``, where best_cost is the mean cost of the arm of highest
mean quality. The stream is shuffled per seed; what counts is its second half, against the best fixed
arm on the same prompts. ``full_information`` is a ridge regression that saw every arm's outcome on the
first half; ``sane_noncontextual`` a Thompson sampler without context (v = .5, bias worth 1, prior mean
that of our quality head, .99). ``knn`` cannot start cold: it is given every arm's labels on the first
half, so it sees more than any other policy, and its row says so. ``fixed:…`` always takes one arm. Other
libraries get the same contexts in the same order, and utility as the reward; several settings are tried,
all are in the JSON, and tables show the best in hindsight.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from conduit.bandits.neighbours import NearestNeighbours
from conduit.bandits.policies import FIXED, NO_FLOOR, Policy, policy_named, policy_names
from conduit.bandits.rules import Thompson
from conduit.bandits.utility import Weights
from conduit.core.errors import InvalidInputError
from conduit.core.statistics import Array
from conduit.evaluation.replay import replay
from conduit.evaluation.setting import Setting
from conduit.evaluation.stream import Stream
from experiments.arguments import ALL_ROWS, Arguments, parse
from experiments.bars import draw_bars
from experiments.cold_start_rows import (
    Result,
    Row,
    lead,
    mean_row,
    show_rows,
    show_times,
    twins_among,
)
from experiments.full_information import ridge_estimates
from experiments.parallel import spread
from experiments.paretobandit_utility import ParetoBanditUtility
from experiments.peers import PEERS, Index, Peer, installed, play
from experiments.provenance import count_evaluation
from experiments.recorded import DATASETS, encode, encoder_of, stream_part
from experiments.report import Check, conclude

NAME = "cold_start"
COST_WEIGHT = {"routellm": 0.2, "mmlu_pro": 0.05, "paretobandit_k4": 0.05}
LEAD = {"routellm": 0.015, "mmlu_pro": -0.005, "paretobandit_k4": -0.001}
"""What the default policy must earn over the best fixed arm."""
BEHIND = 0.003
"""How far behind a sane sampler without context it may be, the standard error of the difference apart."""
SANE = Policy(
    name="sane_noncontextual",
    rule=Thompson(v=0.5, patience=0.0),
    contextual=False,
    floor=NO_FLOOR,
)
RIVALS: tuple[Peer, ...] = (*PEERS, ParetoBanditUtility())
DEFAULT = "thompson"
SEED = 4000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One policy or peer on one shuffle of one data set; none stands for full information."""

    name: str
    stream: Stream
    policy: Policy | Peer | None
    seed: int


def utilities(stream: Stream, weight: float) -> Array:
    """(n, K) utility of every arm for every prompt."""
    return stream.quality - weight / best_cost(stream) * stream.cost


def best_cost(stream: Stream) -> float:
    """Mean USD of the arm of highest mean quality."""
    return float(stream.cost.mean(axis=0)[stream.quality.mean(axis=0).argmax()])


def run_task(task: Task) -> Result:
    """Gain over the best fixed arm, utility, quality and cost over the second half; seconds taken."""
    started = time.perf_counter()
    stream, weight = task.stream, COST_WEIGHT[task.name]
    order = np.random.default_rng(task.seed).permutation(len(stream))
    half = len(order) // 2
    rows = order[half:]
    arms = _full_information(task, order) if task.policy is None else _chosen(task, order)[half:]
    worth = utilities(stream, weight)
    fixed = worth[rows, worth.mean(axis=0).argmax()]
    earned = worth[rows, arms]
    return (
        float((earned - fixed).mean()),
        float(earned.mean()),
        float(stream.quality[rows, arms].mean()),
        float(stream.cost[rows, arms].mean()),
        time.perf_counter() - started,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run, report, and say whether it holds."""
    about = (__doc__ or "").partition("\n")[0]
    arguments = parse(NAME, about=about, seeds=10, argv=argv, measured=ALL_ROWS)
    streams = load(arguments)
    held_out = count_evaluation(arguments)
    rivals = installed(RIVALS)
    tasks = [
        Task(name=name, stream=stream, policy=policy, seed=SEED + seed)
        for name, stream in streams.items()
        for seed in range(arguments.seeds)
        for policy in [*_policies(stream), SANE, *rivals, None]
    ]
    found: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for task, result in zip(tasks, spread(run_task, tasks, arguments), strict=True):
        found[task.name, task.policy.name if task.policy else "full_information"].append(result)
    rows = [mean_row(*key, results) for key, results in found.items()]
    shown = [
        row
        for name, stream in streams.items()
        for row in show_rows(
            _title(name, stream), [row for row in rows if row.dataset == name], peers=RIVALS
        )
    ]
    show_times(found, RIVALS)
    twins = twins_among(found, policy_names())
    for twin in twins:
        print(f"equal on every seed, which is a bug: {twin}")
    bars = {(row.dataset, row.policy): (row.gain, row.gain_se) for row in shown}
    print(f"\npicture: {draw_bars(bars, arguments, label='utility over the best fixed arm')}")
    figures = {"cost_weight": COST_WEIGHT, "rows": [asdict(row) for row in rows], "twins": twins}
    checks = [
        *_checks(rows, found),
        Check(name="rules that are twins", value=len(twins), bound=0, most=True),
    ]
    return conclude(arguments, figures, checks=checks, held_out=held_out)


def load(arguments: Arguments) -> dict[str, Stream]:
    """The data sets as streams."""
    encoder = encoder_of(arguments)
    streams = {}
    for name in DATASETS:
        if arguments.data is None and name != DATASETS[0]:
            print(f"{name}: left out, since no folder with it was given")
            continue
        outcomes, says = stream_part(name, arguments)
        streams[name] = encode(outcomes, encoder).stream
        print(f"{name}: {says}, {len(outcomes):,} prompts, {len(outcomes.models)} models")
    return streams


def _policies(stream: Stream) -> list[Policy]:
    """Every name there is, and every arm of the stream on its own."""
    arms = [arm.id for arm in stream.arms]
    names = [*policy_names(), *(f"{FIXED}{arm}" for arm in arms)]
    return [policy_named(name, models=arms) for name in names]


def _labelled(stream: Stream) -> NearestNeighbours:
    """Every arm's quality on these prompts."""
    if stream.embeddings is None:
        raise InvalidInputError(
            "knn compares embeddings, and the stream has none", remedy="give Stream embeddings="
        )
    return NearestNeighbours(
        encoder="that of the stream",
        arms=tuple(arm.id for arm in stream.arms),
        embeddings=stream.embeddings,
        quality=stream.quality,
    )


def _chosen(task: Task, order: Index) -> Index:
    if not isinstance(task.policy, Policy):
        assert task.policy is not None
        worth = utilities(task.stream, COST_WEIGHT[task.name])
        return play(task.policy, task.stream.contexts, worth, order=order, seed=task.seed)
    if task.policy.only is not None:
        names = [arm.id for arm in task.stream.arms]
        return np.full(len(order), names.index(task.policy.only), np.intp)
    weights = Weights(quality=1.0, cost=COST_WEIGHT[task.name], latency=0.0)
    half = task.stream.subset(order[: len(order) // 2])
    setting = Setting(
        policy=task.policy,
        weights=weights,
        unit_cost=best_cost(task.stream),
        neighbours=_labelled(half) if task.policy.neighbours else None,
    )
    rng = np.random.default_rng([task.seed, 1])
    return replay(task.stream, setting, rng=rng, order=order).arms


def _full_information(task: Task, order: Index) -> Index:
    half = len(order) // 2
    learn, measure = task.stream.subset(order[:half]), task.stream.subset(order[half:])
    expected = ridge_estimates(learn, measure)
    price = COST_WEIGHT[task.name] / best_cost(task.stream)
    return np.asarray((expected.quality - price * expected.cost).argmax(axis=1))


def _title(name: str, stream: Stream) -> str:
    fixed = utilities(stream, COST_WEIGHT[name]).mean(axis=0)
    best = int(fixed.argmax())
    return (
        f"{name}, w={COST_WEIGHT[name]}; best fixed arm {stream.arms[best].id}: {fixed[best]:.4f}"
    )


def _checks(rows: Sequence[Row], found: Mapping[tuple[str, str], Sequence[Result]]) -> list[Check]:
    checks = []
    for name in dict.fromkeys(row.dataset for row in rows):
        by_policy = {row.policy: row for row in rows if row.dataset == name}
        ours, (ahead, error) = by_policy[DEFAULT], lead(
            found[name, DEFAULT], found[name, SANE.name]
        )
        checks += [
            Check(name=f"{name}: over the best fixed arm", value=ours.gain, bound=LEAD[name]),
            Check(
                name=f"{name}: over sane noncontextual Thompson",
                value=ahead,
                bound=-BEHIND - error,
            ),
        ]
    return checks


if __name__ == "__main__":
    sys.exit(main())
