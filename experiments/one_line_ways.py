"""Ways of choosing between a cheap and a good model: the one-line face's, and those of its models.

Conductor's rule and orkestra's router are written anew from what their READMEs say of them: words that
ask for work mean the good model; the five labelled prompts nearest in meaning vote.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.neighbours import NEIGHBOURS, NearestNeighbours
from conduit.bandits.policies import policy_named
from conduit.bandits.quality_target import QualityTarget
from conduit.core.errors import InvalidInputError
from conduit.core.statistics import SufficientStatistics
from conduit.evaluation.replay import replay
from conduit.evaluation.setting import Setting
from conduit.evaluation.stream import Stream
from conduit.simple.configuration import KEPT, POLICY

CHEAP, GOOD = 0, 1
"""Columns of the two models."""
LONG = 1_000
"""Characters from which keyword rules take a prompt for complex whatever it says."""
_WORK = re.compile(
    r"\b(?:analy[sz]e|compare|debug|design|evaluate|explain why|implement|optimi[sz]e|prove|reason"
    r"|refactor|review|step by step|strategy)\b",
    re.IGNORECASE,
)


def by_keywords(texts: Sequence[str]) -> NDArray[np.intp]:
    """(n,) the good model for prompts that name a kind of work, or are long."""
    return np.array([GOOD if len(text) > LONG or _WORK.search(text) else CHEAP for text in texts])


def by_neighbours(labelled: Stream, asked: Stream) -> NDArray[np.intp]:
    """(n,) the model of the higher mean quality on the five nearest labelled prompts; ties to the cheap one.

    Raises:
        InvalidInputError: for streams without embeddings.
    """
    if labelled.embeddings is None or asked.embeddings is None:
        raise InvalidInputError("neighbours need embeddings", remedy="give Stream embeddings=")
    neighbours = NearestNeighbours(
        encoder="that of the stream",
        arms=tuple(arm.id for arm in labelled.arms),
        embeddings=labelled.embeddings,
        quality=labelled.quality,
        k=NEIGHBOURS,
    )
    means = (neighbours.predict(embedding)[0] for embedding in asked.embeddings)
    return np.array([int(mean.argmax()) for mean in means])


def by_auto(
    asked: Stream,
    *,
    rng: np.random.Generator,
    known: dict[tuple[str, str], SufficientStatistics] | None = None,
    rated: bool = False,
) -> NDArray[np.intp]:
    """(n,) what ``quality="auto"`` chooses.

    Args:
        asked: the prompts, in order.
        rng: draws.
        known: what ratings have taught before; None is cold.
        rated: whether every answer is rated too.
    """
    return replay(asked, _setting(asked, known, learning=rated), rng=rng).arms


def taught(
    rated: Stream, *, rng: np.random.Generator
) -> dict[tuple[str, str], SufficientStatistics]:
    """What is learned when ``auto`` answers these prompts, and every answer is rated."""
    arms = replay(rated, _setting(rated, None, learning=True), rng=rng).arms
    seen = np.eye(len(rated.arms), dtype=bool)[arms]
    return replace(
        rated,
        quality=np.where(seen, rated.quality, np.nan),
        cost=np.where(seen, rated.cost, np.nan),
        output_tokens=None,
    ).statistics()


def _setting(
    stream: Stream,
    known: dict[tuple[str, str], SufficientStatistics] | None,
    *,
    learning: bool,
) -> Setting:
    return Setting(
        policy=policy_named(POLICY, models=[arm.id for arm in stream.arms]),
        baseline=stream.arms[GOOD],
        steering=QualityTarget(target=KEPT),
        statistics=known or {},
        learning=learning,
    )
