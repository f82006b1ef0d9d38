"""What does ``llm(prompt)`` give for how much, knowing nothing, and after 500 ratings?

Two models of each data set, the cheapest and the best, as the one-line face has them. 500 prompts of the
part that defaults may be chosen on are rated (a sample per seed); what counts is the other part, every
prompt of it. *Cold* is what an untrained ``llm()`` chooses; *after 500 ratings* what it chooses then,
without another one; *rated on* is rated all along. Conductor's keyword rules and orkestra's nearest
neighbours (k = 5, both models' labels on the same 500 prompts, twice what ratings tell) are written anew.
*Over mixture* is quality over the constant mixture of the two models at the same spend, which makes ways
that spend differently comparable; *kept* the share of the good model's quality, of which the one-line
face is to keep .95 once it was rated.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from conduit.evaluation.stream import Stream
from conduit.simple.configuration import KEPT
from experiments.arguments import Arguments, parse
from experiments.bars import draw_bars
from experiments.one_line_ways import CHEAP, GOOD, by_auto, by_keywords, by_neighbours, taught
from experiments.parallel import spread
from experiments.provenance import count_evaluation
from experiments.recorded import encode, encoder_of, split_of
from experiments.report import Check, conclude, mean_and_error, show_table

NAME = "one_line"
SETS = ("routellm", "paretobandit_k4")
RATINGS = 500
SEED = 7000
COLD, TRAINED, ONLINE = "auto, cold", f"auto, after {RATINGS} ratings", "auto, rated on"
KEYWORDS, NEAREST = "keyword rules (Conductor)", f"kNN, {RATINGS} labelled prompts (orkestra)"
NOISE = 2.0
"""Standard errors within which a difference is none."""
Chosen: TypeAlias = dict[str, NDArray[np.intp]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """The two models of a data set.

    Args:
        learn: prompts that may be rated.
        asked: prompts that count.
        texts: of these.
        says: which parts they are.
    """

    name: str
    learn: Stream
    asked: Stream
    texts: tuple[str, ...]
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way of choosing on one data set, means over seeds; ``seeds`` has what was over the mixture."""

    dataset: str
    way: str
    quality: float
    quality_se: float
    cost: float
    good: float
    over_mixture: float
    over_mixture_se: float
    kept: float
    seeds: tuple[float, ...]


def load(name: str, arguments: Arguments) -> Part:
    """Both parts of a data set, of the cheapest and the best of its models."""
    split, encoder = split_of(name, arguments), encoder_of(arguments)
    cheap = int(split.learn.cost.mean(axis=0).argmin())
    good = int(split.learn.quality.mean(axis=0).argmax())
    pair = [split.learn.models[at] for at in (cheap, good)]
    learn, measure = split.learn.select(pair), split.measure.select(pair)
    return Part(
        name=name,
        learn=encode(learn, encoder).stream,
        asked=encode(measure, encoder).stream,
        texts=tuple(measure.texts),
        says=f"{' and '.join(pair)}; {split.says}",
    )


def choices(task: tuple[Part, int]) -> Chosen:
    """What each way chooses for every prompt that counts, in one seed."""
    part, seed = task
    rng = np.random.default_rng([SEED, seed])
    rated = part.learn.subset(rng.permutation(len(part.learn))[:RATINGS])
    order = rng.permutation(len(part.asked))
    asked, n = part.asked.subset(order), len(part.asked)
    known = taught(rated, rng=rng)
    shuffled = {
        COLD: by_auto(asked, rng=rng),
        TRAINED: by_auto(asked, rng=rng, known=known),
        ONLINE: by_auto(asked, rng=rng, known=known, rated=True),
        NEAREST: by_neighbours(rated, asked),
    }
    found = {way: np.empty(n, np.intp) for way in shuffled}
    for way, arms in shuffled.items():
        found[way][order] = arms
    fixed = {part.asked.arms[arm].id: np.full(n, arm) for arm in (CHEAP, GOOD)}
    return {
        **{f"always {model}": arms for model, arms in fixed.items()},
        KEYWORDS: by_keywords(part.texts),
        **found,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run, report, and say whether it holds."""
    arguments = parse(NAME, about=(__doc__ or "").partition("\n")[0], seeds=10, argv=argv)
    parts = [load(name, arguments) for name in SETS]
    held_out = count_evaluation(arguments)
    rows, checks = [], []
    for part in parts:
        tasks = [(part, seed) for seed in range(arguments.seeds)]
        mine = rows_of(part, spread(choices, tasks, arguments))
        _show(part, mine)
        rows += mine
        checks += checks_of(part.name, {row.way: row for row in mine})
    bars = {(row.dataset, row.way): (row.over_mixture, row.over_mixture_se) for row in rows}
    print(f"\npicture: {draw_bars(bars, arguments, label='quality over the mixture, same spend')}")
    figures = {"ratings": RATINGS, "rows": [asdict(row) for row in rows]}
    return conclude(arguments, figures, checks=checks, held_out=held_out)


def rows_of(part: Part, seeds: Sequence[Chosen]) -> list[Row]:
    """Means over seeds of every way."""
    by_way: Mapping[str, list[NDArray[np.intp]]] = defaultdict(list)
    for chosen in seeds:
        for way, arms in chosen.items():
            by_way[way].append(arms)
    return [_row(part, way, arms) for way, arms in by_way.items()]


def checks_of(name: str, rows: Mapping[str, Row]) -> list[Check]:
    """``auto`` gives no less for the money than what it takes the place of, and what it is to keep."""
    pairs = ((COLD, KEYWORDS), (TRAINED, KEYWORDS), (TRAINED, NEAREST), (TRAINED, COLD))
    checks = []
    for better, other in pairs:
        paired = zip(rows[better].seeds, rows[other].seeds, strict=True)
        ahead, error = mean_and_error([one - two for one, two in paired])
        noise = 0.0 if np.isnan(error) else NOISE * error
        says = f"{name}: over mixture, {better} less {other}"
        checks.append(Check(name=says, value=ahead, bound=-noise))
    kept = rows[TRAINED]
    noise = 0.0 if np.isnan(kept.quality_se) else NOISE * kept.quality_se
    checks.append(Check(name=f"{name}: kept by {TRAINED}", value=kept.kept, bound=KEPT - noise))
    return checks


def _row(part: Part, way: str, seeds: Sequence[NDArray[np.intp]]) -> Row:
    stream, each = part.asked, np.arange(len(part.asked))
    quality = [float(stream.quality[each, arms].mean()) for arms in seeds]
    cost = [float(stream.cost[each, arms].mean()) for arms in seeds]
    mean_quality, mean_cost = stream.quality.mean(axis=0), stream.cost.mean(axis=0)
    over = [
        q - float(np.interp(c, mean_cost, mean_quality)) for q, c in zip(quality, cost, strict=True)
    ]
    got, got_se = mean_and_error(quality)
    ahead, ahead_se = mean_and_error(over)
    return Row(
        dataset=part.name,
        way=way,
        quality=got,
        quality_se=got_se,
        cost=float(np.mean(cost)),
        good=float(np.mean([(arms == GOOD).mean() for arms in seeds])),
        over_mixture=ahead,
        over_mixture_se=ahead_se,
        kept=got / float(mean_quality[GOOD]),
        seeds=tuple(over),
    )


def _show(part: Part, rows: Sequence[Row]) -> None:
    show_table(
        f"{part.name}: {part.says}, {len(part.asked):,} prompts",
        [
            "way",
            "quality",
            "± s.e.",
            "USD a prompt",
            "good model",
            "over mixture",
            "± s.e.",
            "kept",
        ],
        [
            [
                row.way,
                f"{row.quality:.4f}",
                f"{row.quality_se:.4f}",
                f"{row.cost:.3g}",
                f"{row.good:.0%}",
                f"{row.over_mixture:+.4f}",
                f"{row.over_mixture_se:.4f}",
                f"{row.kept:.4f}",
            ]
            for row in rows
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
