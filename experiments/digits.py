"""Do the defaults, made for prompts, also classify handwritten digits from partial feedback?

Ten arms, one per digit; the reward is 1 for the right one and 0 for any other. The context is a bias
and 64 pixels, centred and scaled to a mean squared norm of 1; two passes over the images. Reported is
the mean reward over all rounds, learning included. Other libraries get the same contexts in the same order;
several settings are tried, all are in the JSON, and the table shows the best in hindsight.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from conduit.bandits.policies import NO_FLOOR, Policy, policy_named, policy_names
from conduit.bandits.rules import Thompson, UpperConfidence
from conduit.bandits.utility import Weights
from conduit.core.arms import Arm
from conduit.core.statistics import Array
from conduit.evaluation.replay import replay
from conduit.evaluation.setting import Setting
from conduit.evaluation.stream import Stream
from experiments.arguments import ALL_ROWS, Arguments, parse
from experiments.bars import draw_bars
from experiments.parallel import spread
from experiments.peers import Peer, best_settings, installed, play, without_lesser
from experiments.provenance import count_evaluation
from experiments.report import Check, conclude, mean_and_error, show_table

NAME = "digits"
PASSES = 2
BOUND = 0.88
SEED = 5000
QUALITY_ALONE = Weights(quality=1.0, cost=0.0, latency=0.0)
POLICIES = tuple(
    name for name in policy_names() if name not in ("complexity", "knn", "rated_thompson")
)
"""All but those that judge by a prompt's text: its form, or labelled prompts like it."""
TUNED = (
    *(
        Policy(name=f"thompson v={v:g} patience={n:g}", rule=Thompson(v=v, patience=n))
        for v in (0.05, 0.1, 0.2, 0.5)
        for n in (0.0, 5.0, 20.0)
        if Thompson(v=v, patience=n) != Thompson()
    ),
    *(Policy(name=f"linucb alpha={a:g}", rule=UpperConfidence(alpha=a)) for a in (0.1, 0.2, 1.0)),
    Policy(name="thompson without floor", rule=Thompson(), floor=NO_FLOOR),
)
"""Settings beside the defaults, to say what tuning for these data would have given."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One policy or peer on one shuffle."""

    stream: Stream
    policy: Policy | Peer
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One policy: mean reward over all rounds."""

    policy: str
    reward: float
    reward_se: float
    seeds: int


def digits_stream(arguments: Arguments) -> Stream:
    """The images as a stream of arms with nothing to pay."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped] # noqa: PLC0415  # in an extra

    bunch = load_digits()
    kept = len(bunch.target) if arguments.held_out else len(bunch.target) // 2
    pixels: Array = bunch.data[:kept] - bunch.data[:kept].mean(axis=0)
    slopes = pixels / np.sqrt((pixels**2).sum(axis=1).mean())
    return Stream(
        arms=[Arm(id=str(digit), provider="digits") for digit in range(10)],
        contexts=np.column_stack([np.ones(kept), slopes]),
        prompt_tokens=np.full(kept, 100),
        quality=(bunch.target[:kept, None] == np.arange(10)).astype(float),
        cost=np.full((kept, 10), 1e-6),
    )


def run_task(task: Task) -> float:
    """Mean reward over all rounds."""
    rng = np.random.default_rng(task.seed)
    order = np.concatenate([rng.permutation(len(task.stream)) for _ in range(PASSES)])
    stream, policy = task.stream, task.policy
    if not isinstance(policy, Policy):
        arms = play(policy, stream.contexts, stream.quality, order=order, seed=task.seed)
        return float(stream.quality[order, arms].mean())
    setting = Setting(policy=policy, weights=QUALITY_ALONE)
    found = replay(stream, setting, rng=np.random.default_rng([task.seed, 1]), order=order)
    return float(found.quality.mean())


def main(argv: Sequence[str] | None = None) -> int:
    """Run, report, and say whether it holds."""
    about = (__doc__ or "").partition("\n")[0]
    arguments = parse(NAME, about=about, seeds=10, argv=argv, measured=ALL_ROWS)
    stream = digits_stream(arguments)
    held_out = count_evaluation(arguments)
    print(f"{len(stream):,} images, {PASSES * len(stream):,} rounds, d={stream.dim}, K=10")
    policies = [*(policy_named(name, models=()) for name in POLICIES), *TUNED]
    contestants: list[Policy | Peer] = [*policies, *installed()]
    tasks = [
        Task(stream=stream, policy=policy, seed=SEED + seed)
        for seed in range(arguments.seeds)
        for policy in contestants
    ]
    found = defaultdict(list)
    for task, reward in zip(tasks, spread(run_task, tasks, arguments), strict=True):
        found[task.policy.name].append(reward)
    rows = [_row(policy, rewards) for policy, rewards in found.items()]
    shown = _show(rows)
    bars = {("digits", row.policy): (row.reward, row.reward_se) for row in shown}
    print(f"\npicture: {draw_bars(bars, arguments, label='mean reward')}")
    ours = next(row for row in rows if row.policy == "thompson")
    _say_best(rows, of={policy.name for policy in policies})
    figures = {"rounds": PASSES * len(stream), "rows": [asdict(row) for row in rows]}
    checks = [Check(name="reward with the defaults", value=ours.reward, bound=BOUND)]
    return conclude(arguments, figures, checks=checks, held_out=held_out)


def _show(rows: Sequence[Row]) -> list[Row]:
    """Print the table, and return what it shows: of every peer its best setting."""
    by_name = {row.policy: row for row in rows}
    kept, absent = without_lesser({name: row.reward for name, row in by_name.items()})
    shown = [by_name[name] for name in kept]
    show_table(
        "mean reward over all rounds",
        ["policy", "reward", "± s.e."],
        [
            *([row.policy, f"{row.reward:.4f}", f"{row.reward_se:.4f}"] for row in shown),
            *([family, "not installed", ""] for family in absent),
        ],
    )
    return shown


def _say_best(rows: Sequence[Row], *, of: set[str]) -> None:
    """Print our best setting, and every peer's."""
    scores = {row.policy: row.reward for row in rows}
    ours = max(of, key=scores.__getitem__)
    print(f"Conduit's best of {len(of)} settings: {ours}, {scores[ours]:.4f}")
    for family, name in best_settings(scores).items():
        if name is not None:
            print(f"{family}'s best: {name}, {scores[name]:.4f}")


def _row(policy: str, rewards: Sequence[float]) -> Row:
    reward, reward_se = mean_and_error(rewards)
    return Row(policy=policy, reward=reward, reward_se=reward_se, seeds=len(rewards))


if __name__ == "__main__":
    sys.exit(main())
