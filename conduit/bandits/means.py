"""What hard budgets leave for one decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conduit.core.statistics import Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Means:
    """How short money is, and how much of it there is; neither where no budget applies.

    Args:
        pressure: quality given up rather than pay an ordinary call of the dearest model; 0 or more.
        headroom: USD that one call may cost at most; (K,) where arms have budgets of their own.
    """

    pressure: float = 0.0
    headroom: float | Array = np.inf

    @property
    def limited(self) -> bool:
        """Whether any budget applies."""
        return isinstance(self.headroom, np.ndarray) or self.headroom != np.inf


UNLIMITED = Means()
"""Where no budget applies."""
