"""An open engine: the parts of a router after encoder and store are ready."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from conduit.engines.decider import Decider
from conduit.engines.executor import Executor
from conduit.engines.learner import Learner
from conduit.engines.wiring import Parts
from conduit.features.analyzer import Analyzer
from conduit.feedback.retries import RetryWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What decides, executes and learns, ready for use."""

    parts: Parts
    analyzer: Analyzer
    decider: Decider
    learner: Learner
    executor: Executor
    retries: RetryWindow = field(default_factory=RetryWindow)


async def open_engine(parts: Parts) -> Engine:
    """Load the encoder, open the store, and take up what was learned.

    Raises:
        StoreError: for a database that cannot be used.
        LayoutMismatchError: for a database whose state was learned with another encoder.
        ConfigurationError: for an encoder whose weights are missing.
    """
    analyzer = await asyncio.to_thread(parts.analyzer)
    await parts.store.open()
    try:
        await parts.store.bind_layout(analyzer.layout, analyzer.dim)
        learner = parts.learner(dim=analyzer.dim)
        await learner.load()
    except BaseException:
        await parts.store.close()
        raise
    return Engine(
        parts=parts,
        analyzer=analyzer,
        decider=parts.decider(analyzer.layout),
        learner=learner,
        executor=Executor(
            arms={arm.id: arm for arm in parts.arms},
            client=parts.client,
            clock=parts.clock,
            timeout=parts.timeout,
        ),
    )
