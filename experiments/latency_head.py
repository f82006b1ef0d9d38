"""Does ``--optimize-for speed`` make answers faster? Two worlds of simulated latencies, beside ``balanced``.

No data set records latencies, so they are made: ``l = (base_k + tokens / speed_k) · exp(σ ε)``, with the
output tokens as recorded, or, where only money was, as the list price implies. In the first world the
cheap model is the fast one; in the second the cheap model runs on slow hardware of one's own, so that
preferring speed is something else than saving money. Nobody tells the router: both presets learn
quality, cost and latency online from the model they chose. What counts is the second half of the
stream, shuffled per seed; the 95th percentile is taken over its prompts, then averaged over seeds.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType

import numpy as np

from conduit.bandits.policies import policy_named
from conduit.bandits.utility import PRESETS
from conduit.core.models import OptimizeFor
from conduit.core.statistics import Array
from conduit.evaluation.replay import replay
from conduit.evaluation.setting import Setting
from conduit.evaluation.stream import Stream
from experiments.arguments import ALL_ROWS, Arguments, parse
from experiments.bars import draw_bars
from experiments.parallel import spread
from experiments.provenance import count_evaluation
from experiments.recorded import PARETOBANDIT, encode, encoder_of, stream_part
from experiments.report import Check, conclude, mean_and_error, show_table

NAME = "latency_head"
CUT = 0.3
"""Part of the 95th percentile under ``balanced`` that ``speed`` must save."""
NOISE = 0.35
"""Standard deviation of the logarithm of a latency, given arm and tokens."""
PRESETS_SHOWN = (OptimizeFor.BALANCED, OptimizeFor.SPEED)
SEED = 6000


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast a model answers.

    Args:
        base: seconds to the first token.
        rate: output tokens per second after it.
        price: USD per million output tokens, which tells tokens from recorded cost where they
            were not recorded; None takes the recorded tokens.
    """

    base: float
    rate: float
    price: float | None = None


WORLDS = MappingProxyType(
    {
        PARETOBANDIT: {
            "meta-llama/llama-3.1-8b-instruct": Speed(base=0.3, rate=150.0, price=0.1),
            "mistralai/mistral-large-2512": Speed(base=0.6, rate=45.0, price=1.5),
            "google/gemini-2.5-pro": Speed(base=1.2, rate=120.0, price=10.0),
        },
        "routellm": {
            "gpt-4-1106-preview": Speed(base=0.5, rate=60.0),
            "mistralai/Mixtral-8x7B-Instruct-v0.1": Speed(base=1.5, rate=15.0),
        },
    }
)
"""Speeds per data set and model; round figures, chosen before anything was measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One preset, or one model for everything, on one shuffle of one data set."""

    name: str
    stream: Stream
    choice: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Means over prompts: latency in seconds, quality 0..1, cost in USD; and the 95th percentile."""

    p95: float
    latency: float
    quality: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One choice on one data set, over seeds."""

    dataset: str
    choice: str
    p95: float
    p95_se: float
    latency: float
    quality: float
    cost: float


def latencies(stream: Stream, speeds: Mapping[str, Speed], *, rng: np.random.Generator) -> Array:
    """(n, K) seconds that every arm takes for every prompt."""
    seconds = np.empty(stream.cost.shape)
    for k, arm in enumerate(stream.arms):
        speed = speeds[arm.id]
        seconds[:, k] = speed.base + _tokens(stream, k, speed) / speed.rate
    return np.asarray(seconds * np.exp(NOISE * rng.standard_normal(seconds.shape)))


def run_task(task: Task) -> Outcome:
    """What the second half of the stream was like."""
    stream = task.stream
    order = np.random.default_rng(task.seed).permutation(len(stream))
    half = len(order) // 2
    names = [arm.id for arm in stream.arms]
    if task.choice in names:
        arms = np.full(len(order) - half, names.index(task.choice))
    else:
        weights = PRESETS[OptimizeFor.named(task.choice)]
        setting = Setting(policy=policy_named("thompson", models=names), weights=weights)
        rng = np.random.default_rng([task.seed, 1])
        arms = replay(stream, setting, rng=rng, order=order).arms[half:]
    rows = order[half:]
    assert stream.latency is not None
    taken = stream.latency[rows, arms]
    return Outcome(
        p95=float(np.quantile(taken, 0.95)),
        latency=float(taken.mean()),
        quality=float(stream.quality[rows, arms].mean()),
        cost=float(stream.cost[rows, arms].mean()),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run, report, and say whether it holds."""
    about = (__doc__ or "").partition("\n")[0]
    arguments = parse(NAME, about=about, seeds=10, argv=argv, measured=ALL_ROWS)
    streams = load(arguments)
    held_out = count_evaluation(arguments)
    tasks = [
        Task(name=name, stream=stream, choice=choice, seed=SEED + seed)
        for name, stream in streams.items()
        for seed in range(arguments.seeds)
        for choice in (*PRESETS_SHOWN, *(arm.id for arm in stream.arms))
    ]
    found: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for task, outcome in zip(tasks, spread(run_task, tasks, arguments), strict=True):
        found[task.name, task.choice].append(outcome)
    rows = [_mean(*key, outcomes) for key, outcomes in found.items()]
    for name in streams:
        _show(name, [row for row in rows if row.dataset == name])
    bars = {(row.dataset, row.choice): (row.p95, row.p95_se) for row in rows}
    print(f"\npicture: {draw_bars(bars, arguments, label='95th percentile of latency, seconds')}")
    figures = {
        "noise": NOISE,
        "worlds": {name: {m: asdict(s) for m, s in WORLDS[name].items()} for name in streams},
        "rows": [asdict(row) for row in rows],
    }
    checks = [_check(name, found) for name in streams]
    return conclude(arguments, figures, checks=checks, held_out=held_out)


def load(arguments: Arguments) -> dict[str, Stream]:
    """The data sets as streams, with latencies."""
    encoder = encoder_of(arguments)
    streams = {}
    for number, (name, speeds) in enumerate(WORLDS.items()):
        if arguments.data is None and name != PARETOBANDIT:
            print(f"{name}: left out, since no folder with it was given")
            continue
        outcomes, says = stream_part(name, arguments)
        stream = _timed(encode(outcomes, encoder).stream, speeds)
        rng = np.random.default_rng([SEED, number])
        streams[name] = replace(stream, latency=latencies(stream, speeds, rng=rng))
        print(
            f"{name}: {says}, {len(stream):,} of {len(outcomes):,} prompts have a length for every answer"
        )
    return streams


def _timed(stream: Stream, speeds: Mapping[str, Speed]) -> Stream:
    """The prompts for which the length of every model's answer is known."""
    tokens = [_tokens(stream, k, speeds[arm.id]) for k, arm in enumerate(stream.arms)]
    return stream.subset(np.flatnonzero(np.isfinite(tokens).all(axis=0)))


def _tokens(stream: Stream, arm: int, speed: Speed) -> Array:
    """(n,) output tokens of an arm, as recorded or as the money for them implies."""
    if speed.price is not None:
        return np.maximum(stream.cost[:, arm] / (speed.price / 1e6), 1.0)
    assert stream.output_tokens is not None
    return stream.output_tokens[:, arm]


def _mean(dataset: str, choice: str, outcomes: Sequence[Outcome]) -> Row:
    p95, p95_se = mean_and_error([outcome.p95 for outcome in outcomes])
    return Row(
        dataset=dataset,
        choice=choice,
        p95=p95,
        p95_se=p95_se,
        latency=float(np.mean([outcome.latency for outcome in outcomes])),
        quality=float(np.mean([outcome.quality for outcome in outcomes])),
        cost=float(np.mean([outcome.cost for outcome in outcomes])),
    )


def _check(name: str, found: Mapping[tuple[str, str], Sequence[Outcome]]) -> Check:
    """The mean over seeds of the part of the percentile that is saved."""
    pairs = zip(*(found[name, preset] for preset in PRESETS_SHOWN), strict=True)
    cuts = [1.0 - speed.p95 / balanced.p95 for balanced, speed in pairs]
    cut, error = mean_and_error(cuts)
    print(f"\n{name}: speed cuts the 95th percentile of latency by {cut:.1%} ± {error:.1%}")
    return Check(name=f"{name}: cut of p95 latency", value=cut, bound=CUT)


def _show(name: str, rows: Sequence[Row]) -> None:
    show_table(
        f"{name}: second half of the stream; presets learn, models alone serve everything",
        ["choice", "p95 s", "± s.e.", "mean s", "quality", "USD"],
        [
            [
                row.choice,
                f"{row.p95:.2f}",
                f"{row.p95_se:.2f}",
                f"{row.latency:.2f}",
                f"{row.quality:.4f}",
                f"{row.cost:.3g}",
            ]
            for row in rows
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
