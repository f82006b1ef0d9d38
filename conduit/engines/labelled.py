"""Labelled outcomes as the router sees them: their prompts encoded, as queries would be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from conduit.bandits.neighbours import NEIGHBOURS, NearestNeighbours
from conduit.core.errors import LayoutMismatchError
from conduit.core.models import Query
from conduit.core.ports import Encoder
from conduit.datasets.recorded import RecordedOutcomes
from conduit.features.embedding import embedded
from conduit.stores.neighbours_file import load_neighbours

BATCH = 32
"""Prompts encoded at once."""

Progress: TypeAlias = Callable[[int], None]
"""Is told how many more prompts have been encoded."""


def fit_neighbours(
    outcomes: RecordedOutcomes,
    encoder: Encoder,
    *,
    k: int = NEIGHBOURS,
    progress: Progress = lambda _: None,
) -> NearestNeighbours:
    """Labelled queries for the policy ``knn``.

    Args:
        outcomes: the labels; their models are the arms that can be routed among.
        encoder: the router's own; see :func:`~conduit.features.encoders.open_encoder`.
        k: neighbours per estimate.
        progress: is told after every batch.

    Raises:
        InvalidInputError: for fewer than 1 neighbour, or a prompt too long for a query.
        ConfigurationError: for an encoder that gives anything but finite numbers.
    """
    parts = [embedded(encoder, batch) for batch in batches(prompts_of(outcomes), progress)]
    return NearestNeighbours(
        encoder=encoder.name,
        arms=outcomes.models,
        embeddings=np.concatenate(parts),
        quality=outcomes.quality,
        k=k,
    )


def open_neighbours(
    given: str | Path | NearestNeighbours, *, arms: Sequence[str], encoder: str
) -> NearestNeighbours:
    """Labelled queries for these arms and this encoder, read from a file if need be.

    Args:
        given: the queries, or the path of their file.
        arms: ids, in index order.
        encoder: identity of the encoder that embeds the prompts to come.

    Raises:
        StoreError: for a file that cannot be used.
        LayoutMismatchError: for queries that another encoder embedded.
        InvalidInputError: for an arm without labels.
    """
    found = given if isinstance(given, NearestNeighbours) else load_neighbours(given)
    if found.encoder != encoder:
        raise LayoutMismatchError(
            f"the labelled queries were embedded by {found.encoder!r}, not by {encoder!r}",
            remedy="choose the same encoder, or fit them again",
        )
    return found.of(arms)


def prompts_of(outcomes: RecordedOutcomes) -> list[str]:
    """The prompts, cleaned as those of queries are.

    Raises:
        InvalidInputError: for a prompt that is no query, because it is too long for one.
    """
    pairs = zip(outcomes.query_ids, outcomes.texts, strict=True)
    return [Query(text, id=query_id).text for query_id, text in pairs]


def batches(texts: Sequence[str], progress: Progress) -> Iterator[Sequence[str]]:
    """The texts in order, by :data:`BATCH`; ``progress`` is told when each has been dealt with."""
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        yield batch
        progress(len(batch))
