"""Warm start of a router: labelled outcomes become evidence in its store, once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from conduit.bandits.warm_start import N_EFF, LabelledOutcomes, check_n_eff, evidence_of
from conduit.core.errors import InvalidInputError
from conduit.core.statistics import Array, Source
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines.labelled import Progress, batches, prompts_of
from conduit.engines.router import Router
from conduit.features.analyzer import Analyzer


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmStart:
    """What a warm start did.

    Args:
        source: the record of the outcomes, as the store keeps it.
        layout: identity of the context layout.
        weights: ratings that were added, per (arm id, head name); empty when the store had
            absorbed these outcomes before, and nothing changed.
    """

    source: Source
    layout: str
    weights: Mapping[tuple[str, str], float]

    @property
    def changed(self) -> bool:
        """Whether anything was added."""
        return bool(self.weights)


async def warm_start(
    router: Router,
    outcomes: RecordedOutcomes,
    *,
    n_eff: float = N_EFF,
    progress: Progress = lambda _: None,
) -> WarmStart:
    """Teach a router, and whoever shares its store, what labelled outcomes say.

    Quality, cost, output tokens and latency are learned where they are known; availability is not,
    since a file of answers holds no failures to answer. The same outcomes again, in whatever order
    or file format, change nothing. Nothing tells two files that share some prompts apart: give
    each prompt once.

    Args:
        router: to be taught; opened if it is not, and left open.
        outcomes: their models must be among the router's.
        n_eff: ratings that the evidence of one arm and head weighs at most; see
            :func:`~conduit.bandits.warm_start.evidence_of`.
        progress: is told how many more prompts have been encoded.

    Raises:
        InvalidInputError: for models that the router does not have, listed; for a prompt too long
            to be one; for outcomes that were absorbed with another ``n_eff``.
        LayoutMismatchError: for a store whose state was learned with another encoder.
    """
    check_n_eff(n_eff)
    _check_models(router, outcomes)
    prompts = prompts_of(outcomes)
    engine = await router.open()
    store, layout = engine.parts.store, engine.analyzer.layout
    source = Source(
        digest=digest_of(outcomes),
        name=outcomes.name,
        n_eff=float(n_eff),
        prompts=len(outcomes),
        absorbed_at=engine.parts.clock.now(),
    )
    for earlier in await store.sources():
        if earlier.digest == source.digest:
            return _again(earlier, source, layout=layout)
    labelled = LabelledOutcomes(
        contexts=await _contexts(prompts, engine.analyzer, progress),
        quality=outcomes.quality,
        cost=outcomes.cost,
        output_tokens=outcomes.output_tokens,
        latency=outcomes.latency,
    )
    evidence = evidence_of(outcomes.models, labelled, n_eff=n_eff)
    before = await engine.learner.absorb(evidence, source=source, layout=layout)
    if before is not None:  # another process was faster
        return _again(before, source, layout=layout)
    weights = {key: sums.weight for key, sums in evidence.items()}
    return WarmStart(source=source, layout=layout, weights=weights)


def digest_of(outcomes: RecordedOutcomes) -> str:
    """Identity of what outcomes say: SHA-256, the same for any order of queries and models.

    The name of the data set, categories and input tokens do not count: nothing is learned of them.
    """
    outcomes = outcomes.select(sorted(outcomes.models))
    order = sorted(range(len(outcomes)), key=outcomes.query_ids.__getitem__)
    digest = sha256(repr(outcomes.models).encode("utf-8", "backslashreplace"))
    for row in order:
        labels = (outcomes.query_ids[row], outcomes.texts[row])
        digest.update(repr(labels).encode("utf-8", "backslashreplace"))
    for values in (outcomes.quality, outcomes.cost, outcomes.output_tokens, outcomes.latency):
        digest.update(b"-" if values is None else _bytes(values[order]))
    return digest.hexdigest()


def _bytes(values: Array) -> bytes:
    """The same for equal numbers: there is one zero, and one way not to know."""
    return np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8").tobytes()


async def _contexts(prompts: list[str], analyzer: Analyzer, progress: Progress) -> Array:
    """(n, d) in the precision in which decisions are logged; off the loop, batch by batch."""
    rows = []
    for batch in batches(prompts, progress):
        found = await asyncio.to_thread(analyzer.analyze_many, batch)
        rows += [features.context for features in found]
    return np.stack(rows).astype(np.float64)


def _check_models(router: Router, outcomes: RecordedOutcomes) -> None:
    known = [arm.id for arm in router.arms]
    unknown = [model for model in outcomes.models if model not in known]
    if unknown:
        raise InvalidInputError(
            f"unknown models {', '.join(map(repr, unknown))}",
            remedy=f"leave them out, or name them as the router does: {', '.join(known)}",
        )


def _again(earlier: Source, source: Source, *, layout: str) -> WarmStart:
    if earlier.n_eff != source.n_eff:
        raise InvalidInputError(
            f"these outcomes were absorbed with n_eff={earlier.n_eff:g}, not {source.n_eff:g}",
            remedy="start with another database, or give the same n_eff",
        )
    return WarmStart(source=earlier, layout=layout, weights={})
