"""Does the difficulty tell which prompts a cheap model fails at, and can a prompt argue about itself?

Run with ``python -m experiments.difficulty`` (a minute where the embeddings are cached): on the
tuning parts, which the weights were fitted on, or with ``--held-out`` once on the rows that nothing
was chosen on. It reports Spearman's rank correlation of the difficulty, and of other judgements
that ask nobody, with ``1 − quality`` of the cheapest model, per data set and as their mean, with
standard errors of 200 bootstrap samples; and how far the injections of
``experiments.injections`` move a prompt's difficulty when they are appended to it. That figure is
printed and has no bound: the weights were fitted to take no notice of these very injections, and
nothing that is appended moves a prompt by more than .098 by construction, which
``tests.features.test_difficulty`` holds for any text. "Other data"
judges each data set by weights that were fitted on the two others: what to expect of prompts that
are like none of the three.

The bounds were set from the tuning parts: a mean correlation of .20 with MiniLM (measured there
.28) and .17 with hashing (.25).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr

from conduit.api.route_reasons import prompt_complexity
from conduit.bandits.rules import DifficultyThreshold
from conduit.features.analyzer import Analyzer
from conduit.features.difficulty import Difficulty
from conduit.features.encoders.hashing import HashingEncoder
from conduit.features.hints import task_of
from conduit.features.projection import load_projection
from experiments.arguments import Arguments, parse
from experiments.fit_difficulty import Sample, attacked, contexts, fitted, samples
from experiments.injections import INJECTIONS, VICTIMS
from experiments.provenance import count_evaluation
from experiments.recorded import encoder_of
from experiments.report import Check, conclude, show_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Judge = Callable[[Sequence[str]], Floats]
    Row = dict[str, tuple[float, float]]

NAME = "difficulty"
MINILM, HASHING = "minilm", "hashing"
BOUNDS = {MINILM: 0.20, HASHING: 0.17}
BOOTSTRAPS = 200
PRINTED = {
    "What is 2+2?": False,
    "Summarize this": False,
    "Analyze this contract": True,
    "Debug this code": True,
}
"""Conductor's table: whether the good model is to answer."""


def analyzers(arguments: Arguments) -> dict[str, Analyzer]:
    """One per encoder."""
    encoders = {MINILM: encoder_of(arguments), HASHING: HashingEncoder()}
    return {
        name: Analyzer(encoder, load_projection(encoder.name, encoder.dim))
        for name, encoder in encoders.items()
    }


def difficulties(analyzer: Analyzer, texts: Sequence[str]) -> Floats:
    """Difficulty of each text, (n,)."""
    return np.array([it.difficulty for it in analyzer.analyze_many(texts)])


def judges(found: dict[str, Analyzer]) -> dict[str, Judge]:
    """The difficulty by either encoder, and what others go by."""
    form = found[HASHING]
    return {
        MINILM: lambda texts: difficulties(found[MINILM], texts),
        HASHING: lambda texts: difficulties(form, texts),
        "first word": lambda texts: np.array([float(task_of(it)) for it in texts]),
        "form": lambda texts: np.array([it.complexity_score for it in form.analyze_many(texts)]),
        "length": lambda texts: np.array([float(len(it)) for it in texts]),
        "cost-aware": lambda texts: np.array([prompt_complexity(it) for it in texts]),
    }


def strangers(analyzer: Analyzer, tuning: Sequence[Sample]) -> dict[str, Judge]:
    """Per data set, the difficulty as it is fitted on the tuning parts of the others."""
    attacks = attacked(analyzer)
    known = {it.name: (contexts(analyzer, it.texts), it.failed) for it in tuning}
    found: dict[str, Judge] = {}
    for name in known:
        others = [part for other, part in known.items() if other != name]
        weights = fitted(others, attacks, width=analyzer.dim)
        found[name] = partial(
            _judged, analyzer, Difficulty(name=f"without {name}", weights=weights)
        )
    return found


def correlated(judged: Mapping[str, Judge], data: Sequence[Sample]) -> Row:
    """Rank correlation with failures and its standard error, per data set and as the mean."""
    rng, found, drawn = np.random.default_rng(0), {}, []
    for sample in data:
        score = judged[sample.name](sample.texts)
        rows = rng.integers(0, len(score), (BOOTSTRAPS, len(score)))
        again = np.array([_rank(score[some], sample.failed[some]) for some in rows])
        found[sample.name] = (_rank(score, sample.failed), float(again.std(ddof=1)))
        drawn.append(again)
    mean = float(np.mean([value for value, _ in found.values()]))
    return {**found, "mean": (mean, float(np.mean(drawn, axis=0).std(ddof=1)))}


def furthest_move(analyzer: Analyzer) -> float:
    """By how much appended injections move a prompt's difficulty at most."""
    furthest = 0.0
    for victim in VICTIMS:
        texts = [victim, *(victim + gap + it for it in INJECTIONS for gap in (" ", "\n"))]
        score = difficulties(analyzer, texts)
        furthest = max(furthest, float(np.abs(score - score[0]).max()))
    return furthest


def as_printed(analyzer: Analyzer) -> float:
    """Share of Conductor's prompts that are on the side that its table prints."""
    rule, score = DifficultyThreshold(), difficulties(analyzer, list(PRINTED))
    sides = zip(score.tolist(), PRINTED.values(), strict=True)
    return float(np.mean([rule.is_hard(value) == wanted for value, wanted in sides]))


def main(argv: Sequence[str] | None = None) -> int:
    """Judge, compare and report."""
    arguments = parse(NAME, about="What the difficulty of prompts is worth.", seeds=1, argv=argv)
    held_out = count_evaluation(arguments)
    data, found = samples(arguments), analyzers(arguments)
    tuning = samples(replace(arguments, held_out=False))
    judged: dict[str, Mapping[str, Judge]] = {
        name: dict.fromkeys((it.name for it in data), judge)
        for name, judge in judges(found).items()
    }
    for name, analyzer in found.items():
        judged[f"{name}, other data"] = strangers(analyzer, tuning)
    rho = {name: correlated(by_data, data) for name, by_data in judged.items()}
    names = [*(sample.name for sample in data), "mean"]
    show_table(
        "rank correlation with the cheapest model's failures (± standard error)",
        ["judged by", *names],
        [
            [judge, *(f"{row[it][0]:+.3f} ± {row[it][1]:.3f}" for it in names)]
            for judge, row in rho.items()
        ],
    )
    moved = {name: furthest_move(analyzer) for name, analyzer in found.items()}
    sides = {name: as_printed(analyzer) for name, analyzer in found.items()}
    print(f"\nmoved at most by appended injections that it was fitted to ignore: {moved}")
    checks = [
        *(
            Check(name=f"{it}: correlation", value=rho[it]["mean"][0], bound=BOUNDS[it])
            for it in BOUNDS
        ),
        *(
            Check(name=f"{it}: Conductor's prompts as printed", value=sides[it], bound=1)
            for it in BOUNDS
        ),
    ]
    figures = {
        "prompts": {sample.name: len(sample.texts) for sample in data},
        "rank_correlation": {
            judge: {it: {"value": row[it][0], "error": row[it][1]} for it in names}
            for judge, row in rho.items()
        },
        "moved_at_most": moved,
    }
    return conclude(arguments, figures, checks=checks, held_out=held_out)


def _judged(analyzer: Analyzer, judge: Difficulty, texts: Sequence[str]) -> Floats:
    pairs = zip(texts, analyzer.analyze_many(texts), strict=True)
    return np.array([judge.of(text, seen.context) for text, seen in pairs])


def _rank(score: Floats, failed: Floats) -> float:
    """Spearman's ρ; 0 where one of the two is constant."""
    if score.std() == 0 or failed.std() == 0:
        return 0.0
    return float(spearmanr(score, failed).statistic)


if __name__ == "__main__":
    raise SystemExit(main())
