"""What does it cost to keep 95% of the best model's quality? Conduit against constant mixtures.

The stream is shuffled per seed and the router starts knowing nothing; what counts is its second half,
while the router is still learning. The best model is the fixed arm of highest mean quality on those
very prompts, and the mixture is the cheapest constant one of fixed arms that reaches .95 of it there:
both are chosen in hindsight, seed by seed. Asked of each data set are, over seeds, mean quality
≥ .95 × best − 1 standard error (of the difference) and mean spend below the mixture's.
``full_information`` is a ridge regression that saw every arm's outcome on the first half, at the price of
money that in hindsight just reaches the target.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from conduit.bandits.policies import policy_named
from conduit.bandits.quality_target import QualityTarget
from conduit.bandits.utility import Weights
from conduit.evaluation.frontier import mixture_spend
from conduit.evaluation.replay import replay
from conduit.evaluation.setting import Setting
from conduit.evaluation.stream import Stream
from experiments.arguments import ALL_ROWS, parse
from experiments.bars import draw_bars
from experiments.cold_start import load
from experiments.full_information import ridge_estimates, within_quality
from experiments.parallel import spread
from experiments.provenance import count_evaluation
from experiments.report import Check, conclude, mean_and_error, show_table

NAME = "quality_target"
TARGET = 0.95
DEFAULT = "conduit"
QUALITY = Weights(quality=1.0, cost=0.0, latency=0.0)
SEED = 7000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One shuffle of one data set."""

    name: str
    stream: Stream
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One policy on one shuffle, over the second half.

    Args:
        lead: mean quality over the target.
        ratio: spend over that of the cheapest mixture that reaches the target.
        quality: mean per prompt.
        spend: mean USD per prompt.
        first_ratio: spend of the first half over that of the same mixture, where it was replayed.
    """

    lead: float
    ratio: float
    quality: float
    spend: float
    first_ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One policy on one data set: means over seeds, and their standard errors."""

    dataset: str
    policy: str
    lead: float
    lead_se: float
    ratio: float
    ratio_se: float
    quality: float
    spend: float
    first_ratio: float | None
    seeds: int


def run_task(task: Task) -> dict[str, Outcome]:
    """Every policy on one shuffle."""
    order = np.random.default_rng(task.seed).permutation(len(task.stream))
    half = len(order) // 2
    learn, measure = task.stream.subset(order[:half]), task.stream.subset(order[half:])
    quality, cost = measure.quality.mean(axis=0), measure.cost.mean(axis=0)
    best = int(quality.argmax())
    wanted = TARGET * float(quality[best])
    mixture = mixture_spend(cost, quality, wanted)
    setting = Setting(
        policy=policy_named("thompson", models=()),
        weights=QUALITY,
        steering=QualityTarget(target=TARGET),
    )
    ours = replay(task.stream, setting, rng=np.random.default_rng([task.seed, 1]), order=order)
    later = ours.since(half)
    found = {
        DEFAULT: (float(later.quality.mean()), float(later.cost.mean())),
        "mixture": (wanted, mixture),
        "full_information": within_quality(ridge_estimates(learn, measure), measure, wanted),
        f"best ({task.stream.arms[best].id})": (float(quality[best]), float(cost[best])),
    }
    return {
        policy: Outcome(
            lead=worth - wanted,
            ratio=spend / mixture,
            quality=worth,
            spend=spend,
            first_ratio=float(ours.cost[:half].mean()) / mixture if policy == DEFAULT else None,
        )
        for policy, (worth, spend) in found.items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run, report, and say whether it holds."""
    about = (__doc__ or "").partition("\n")[0]
    arguments = parse(NAME, about=about, seeds=10, argv=argv, measured=ALL_ROWS)
    streams = load(arguments)
    held_out = count_evaluation(arguments)
    tasks = [
        Task(name=name, stream=stream, seed=SEED + seed)
        for name, stream in streams.items()
        for seed in range(arguments.seeds)
    ]
    found: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for task, outcomes in zip(tasks, spread(run_task, tasks, arguments), strict=True):
        for policy, outcome in outcomes.items():
            found[task.name, policy].append(outcome)
    rows = [_mean(*key, outcomes) for key, outcomes in found.items()]
    for name in streams:
        _show(name, [row for row in rows if row.dataset == name])
    bars = {(row.dataset, row.policy): (row.ratio, row.ratio_se) for row in rows}
    label = "spend over the cheapest mixture's"
    print(f"\npicture: {draw_bars(bars, arguments, label=label)}")
    figures = {"target": TARGET, "rows": [asdict(row) for row in rows]}
    return conclude(arguments, figures, checks=verdict_checks(rows), held_out=held_out)


def verdict_checks(rows: Sequence[Row]) -> list[Check]:
    """Both things that are asked, of every data set."""
    return [
        check
        for row in rows
        if row.policy == DEFAULT
        for check in (
            Check(
                name=f"{row.dataset}: quality over .95 × best",
                value=row.lead,
                bound=0.0 if np.isnan(row.lead_se) else -row.lead_se,
            ),
            Check(
                name=f"{row.dataset}: spend over the mixture's",
                value=row.ratio,
                bound=1.0,
                most=True,
            ),
        )
    ]


def _mean(dataset: str, policy: str, outcomes: Sequence[Outcome]) -> Row:
    lead, lead_se = mean_and_error([outcome.lead for outcome in outcomes])
    ratio, ratio_se = mean_and_error([outcome.ratio for outcome in outcomes])
    first = [o.first_ratio for o in outcomes if o.first_ratio is not None]
    return Row(
        dataset=dataset,
        policy=policy,
        lead=lead,
        lead_se=lead_se,
        ratio=ratio,
        ratio_se=ratio_se,
        quality=float(np.mean([outcome.quality for outcome in outcomes])),
        spend=float(np.mean([outcome.spend for outcome in outcomes])),
        first_ratio=float(np.mean(first)) if first else None,
        seeds=len(outcomes),
    )


def _show(name: str, rows: Sequence[Row]) -> None:
    show_table(
        f"{name}: {TARGET:g} of the best model's quality, second half of the stream",
        [
            "policy",
            "over target",
            "± s.e.",
            "spend/mixture",
            "± s.e.",
            "quality",
            "USD",
            "1st half",
        ],
        [
            [
                row.policy,
                f"{row.lead:+.4f}",
                f"{row.lead_se:.4f}",
                f"{row.ratio:.3f}",
                f"{row.ratio_se:.3f}",
                f"{row.quality:.4f}",
                f"{row.spend:.3g}",
                "" if row.first_ratio is None else f"{row.first_ratio:.3f}",
            ]
            for row in rows
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
