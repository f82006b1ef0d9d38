"""A store's log to arrays, and the exchange rates to replay rules with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conduit.bandits.models import ArmModels
from conduit.core.arms import Arm
from conduit.core.ports import Store
from conduit.core.statistics import LearnedState
from conduit.evaluation.log_frame import FrameBuilder, LogFrame


@dataclass(frozen=True, slots=True)
class OrdinaryCall:
    """What one unit of a cost weight and of a latency weight pays for: USD and seconds."""

    cost: float
    latency: float


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


def ordinary_call(
    state: LearnedState, arms: Sequence[Arm], *, baseline: Arm
) -> OrdinaryCall | None:
    """The units that routing itself would use; None while nothing was learned.

    The log does not hold the units of its own time. They settle within some dozens of calls.

    Args:
        state: what the store has learned.
        arms: the models of the log.
        baseline: the model whose ordinary call is the unit of cost.
    """
    if not state.statistics:
        return None
    dim = max(statistics.dim for statistics in state.statistics.values())
    models = ArmModels(
        arms,
        dim=dim,
        statistics=state.statistics,
        forgetting=state.forgetting,
        now=max(statistics.landmark for statistics in state.statistics.values()),
    )
    return OrdinaryCall(models.ordinary_cost(baseline), models.ordinary_latency())
