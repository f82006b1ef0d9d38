"""How a replay went over time: series for a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunningSeries:
    """Series over the n prompts of a replay.

    Args:
        cumulative_spend: (n,) USD in total up to and including each prompt.
        moving_quality: (n,) mean quality per prompt over the last prompts up to each.
    """

    cumulative_spend: NDArray[np.float64]
    moving_quality: NDArray[np.float64]


def running_series(quality: ArrayLike, cost: ArrayLike, *, window: int = 100) -> RunningSeries:
    """Total spend and moving average of quality, prompt by prompt.

    The average looks back only. Over the first ``window`` prompts it is the mean of all so far.

    Args:
        quality: (n,) per prompt, 0..1.
        cost: (n,) USD per prompt.
        window: prompts averaged over, at least 1.

    Raises:
        InvalidInputError: for series that differ in length, or a window below 1.
    """
    q, c = np.asarray(quality, np.float64), np.asarray(cost, np.float64)
    if q.ndim != 1 or q.shape != c.shape:
        raise InvalidInputError(
            f"quality of shape {q.shape} and cost of shape {c.shape}",
            remedy="give one of each per prompt",
        )
    if window < 1:
        raise InvalidInputError(f"window={window} is below 1", remedy="average 1 prompt or more")
    total = np.concatenate([[0.0], np.cumsum(q)])
    end = np.arange(1, len(q) + 1)
    start = np.maximum(end - window, 0)
    return RunningSeries(
        cumulative_spend=np.cumsum(c), moving_quality=(total[end] - total[start]) / (end - start)
    )
