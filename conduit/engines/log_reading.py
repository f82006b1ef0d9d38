"""A store's log to arrays."""

from __future__ import annotations

from conduit.core.ports import Store
from conduit.evaluation.log_frame import FrameBuilder, LogFrame


async def read_log(store: Store) -> LogFrame:
    """Read a whole log; what is kept of each decision is a few hundred bytes.

    Args:
        store: an open one.

    Raises:
        InvalidInputError: for a log without a decision that counts.
    """
    builder = FrameBuilder()
    async for logged in store.log():
        builder.add(logged)
    return builder.build()
