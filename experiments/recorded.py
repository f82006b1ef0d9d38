"""Recorded data sets: where they are, how they are split, and as streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from conduit.core.errors import ConfigurationError
from conduit.core.ports import Encoder
from conduit.core.statistics import Array
from conduit.datasets.paretobandit import load_paretobandit
from conduit.datasets.parquet import load_parquet
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines.simulator import recorded_arms
from conduit.evaluation.stream import Stream
from conduit.features.analyzer import Analyzer
from conduit.features.projection import load_projection
from experiments.arguments import ALL_ROWS, Arguments
from experiments.embeddings import official_encoder

Number = TypeVar("Number", bound=np.floating)

PARETOBANDIT = "paretobandit_k4"
DATASETS = (PARETOBANDIT, "routellm", "mmlu_pro")
PARETO_MODELS = (
    "meta-llama/llama-3.1-8b-instruct",
    "mistralai/mistral-large-2512",
    "google/gemini-2.5-pro",
)
"""The portfolio of ParetoBandit's own experiments; the flash model is left for ``onboarding``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Two disjoint parts of a data set.

    Args:
        learn: what policies may learn from.
        measure: what they are measured on.
        says: which parts these are.
    """

    learn: RecordedOutcomes
    measure: RecordedOutcomes
    says: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoded:
    """A stream, and the embeddings its contexts were made from, (n, D)."""

    stream: Stream
    embeddings: Array


def paretobandit_split(arguments: Arguments, *, models: Sequence[str] = PARETO_MODELS) -> Split:
    """Learn on ``val`` and measure on ``test``, or, while tuning, on the two halves of ``val``.

    Args:
        arguments: where the data are, and which part may be seen.
        models: the arms, in order.

    Raises:
        ConfigurationError: for a model that the installed package has no outcomes of.
    """
    if arguments.held_out:
        learn = _paretobandit(arguments, "val", models)
        measure = _paretobandit(arguments, "test", models)
        return Split(learn=learn, measure=measure, says="learned on val, measured on test")
    first, second = _halves(_paretobandit(arguments, "val", models))
    return Split(learn=first, measure=second, says="tuning: val alone, learned on its first half")


def split_of(name: str, arguments: Arguments) -> Split:
    """Learn on what defaults may be chosen on, and measure on the rest; while tuning, on halves of the former."""
    if name == PARETOBANDIT:
        return paretobandit_split(arguments)
    learn, measure = _halves(_file(name, arguments))
    if arguments.held_out:
        return Split(
            learn=learn, measure=measure, says="learned on the first half, measured on the second"
        )
    first, second = _halves(learn)
    return Split(
        learn=first, measure=second, says="tuning: first half alone, learned on its first half"
    )


def stream_part(name: str, arguments: Arguments) -> tuple[RecordedOutcomes, str]:
    """All rows of a data set, or, while tuning, what defaults may be chosen on.

    That is ``val`` of paretobandit, and of the others the first half by order of appearance. So a
    counted run over all rows is no measurement on unseen data alone, and says so.
    """
    if name == PARETOBANDIT:
        if not arguments.held_out:
            return _paretobandit(arguments, "val"), "tuning: val alone"
        both = _merged(_paretobandit(arguments, "val"), _paretobandit(arguments, "test"))
        return both, ALL_ROWS
    whole = _file(name, arguments)
    return (whole, ALL_ROWS) if arguments.held_out else (_halves(whole)[0], "tuning: first half")


def tuned_or_unseen(name: str, arguments: Arguments) -> RecordedOutcomes:
    """What defaults may be chosen on, or, held out, all the other rows and none of these."""
    if not arguments.held_out:
        return stream_part(name, arguments)[0]
    if name == PARETOBANDIT:
        return _paretobandit(arguments, "test")
    return _halves(_file(name, arguments))[1]


def encode(outcomes: RecordedOutcomes, encoder: Encoder) -> Encoded:
    """Contexts as a router computes them, from the text alone."""
    analyzer = Analyzer(encoder, load_projection(encoder.name, encoder.dim))
    features = analyzer.analyze_many(outcomes.texts)
    embeddings = np.stack([f.embedding for f in features])
    return Encoded(
        stream=Stream(
            arms=recorded_arms(outcomes.models),
            contexts=np.stack([f.context for f in features]).astype(np.float64),
            prompt_tokens=np.array([f.token_count for f in features]),
            quality=outcomes.quality,
            cost=outcomes.cost,
            output_tokens=outcomes.output_tokens,
            latency=outcomes.latency,
            complexity=np.array([f.complexity_score for f in features]),
            difficulty=np.array([f.difficulty for f in features]),
            embeddings=embeddings,
        ),
        embeddings=embeddings.astype(np.float64),
    )


def joined(first: Stream, second: Stream) -> Stream:
    """The prompts of one stream, then those of another over the same arms: quality and cost."""
    both = (first, second)
    return Stream(
        arms=first.arms,
        contexts=np.vstack([part.contexts for part in both]),
        prompt_tokens=np.concatenate([part.prompt_tokens for part in both]),
        quality=np.vstack([part.quality for part in both]),
        cost=np.vstack([part.cost for part in both]),
        complexity=_one_after_the_other([part.complexity for part in both]),
        difficulty=_one_after_the_other([part.difficulty for part in both]),
        embeddings=_one_after_the_other([part.embeddings for part in both]),
    )


def encoder_of(arguments: Arguments) -> Encoder:
    """The official encoder with its cache."""
    return official_encoder(arguments.cache)


def _one_after_the_other(parts: Sequence[NDArray[Number] | None]) -> NDArray[Number] | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None


def _paretobandit(
    arguments: Arguments, part: str, models: Sequence[str] = PARETO_MODELS
) -> RecordedOutcomes:
    if arguments.data is None:
        packaged = load_paretobandit({"val": "val", "test": "test_holdout"}[part])
        if missing := [model for model in models if model not in packaged.models]:
            raise ConfigurationError(
                f"the installed package has no outcomes of {missing[0]}",
                remedy="pass --data, or set CONDUIT_DATA",
            )
        return packaged.select(models)
    whole = _file(PARETOBANDIT, arguments)
    rows = [i for i, name in enumerate(whole.query_ids) if name.startswith(f"pb-{part}-")]
    return whole.subset(rows).select(models)


def _file(name: str, arguments: Arguments) -> RecordedOutcomes:
    if arguments.data is None:
        raise ConfigurationError(
            f"no folder with {name}.parquet was given", remedy="pass --data, or set CONDUIT_DATA"
        )
    return load_parquet(arguments.data / f"{name}.parquet")


def _halves(outcomes: RecordedOutcomes) -> tuple[RecordedOutcomes, RecordedOutcomes]:
    middle = len(outcomes) // 2
    return outcomes.subset(np.arange(middle)), outcomes.subset(np.arange(middle, len(outcomes)))


def _merged(first: RecordedOutcomes, second: RecordedOutcomes) -> RecordedOutcomes:
    return RecordedOutcomes(
        name=first.name,
        query_ids=first.query_ids + second.query_ids,
        texts=first.texts + second.texts,
        models=first.models,
        quality=np.vstack([first.quality, second.quality]),
        cost=np.vstack([first.cost, second.cost]),
    )
