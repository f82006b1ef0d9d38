"""An open engine: the parts of a router after encoder and store are ready."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from conduit.core.events import Event
from conduit.engines.decider import Decider
from conduit.engines.executor import Executor
from conduit.engines.learner import Learner
from conduit.engines.observer import Observer
from conduit.engines.wiring import Parts
from conduit.features.analyzer import Analyzer


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What decides, executes and learns, ready for use."""

    parts: Parts
    analyzer: Analyzer
    decider: Decider
    learner: Learner
    executor: Executor
    observer: Observer


async def open_engine(parts: Parts, *, announce: Callable[[Event], None]) -> Engine:
    """Load the encoder, open the store, and take up what was learned.

    Args:
        parts: what the engine is made of.
        announce: is told of every event.

    Raises:
        StoreError: for a database that cannot be used.
        LayoutMismatchError: for a database whose state was learned with another encoder.
        ConfigurationError: for an encoder whose weights are missing.
        InvalidInputError: for a model without labels, where the policy needs labelled queries.
    """
    analyzer = await asyncio.to_thread(parts.analyzer)
    await parts.store.open()
    try:
        await parts.store.bind_layout(analyzer.layout, analyzer.dim)
        if parts.half_life is not None:
            await parts.store.set_half_life(parts.half_life)
        learner = parts.learner(dim=analyzer.dim)
        await learner.load()
        neighbours = await asyncio.to_thread(parts.neighbours, analyzer.encoder_name)
    except BaseException:
        await parts.store.close()
        raise
    return Engine(
        parts=parts,
        analyzer=analyzer,
        decider=parts.decider(analyzer.layout, neighbours=neighbours),
        learner=learner,
        executor=Executor(
            arms={arm.id: arm for arm in parts.arms},
            client=parts.client,
            clock=parts.clock,
            timeout=parts.timeout,
        ),
        observer=Observer(learner, store=parts.store, clock=parts.clock, announce=announce),
    )
