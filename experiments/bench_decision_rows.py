"""What ``bench_decision`` measures at one size, and how it is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from conduit.bandits.head import FADED
from experiments.report import show_table

KEPT = 0.997
"""Share of the evidence that is left after an observation, ParetoBandit's and ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Microseconds at one size."""

    dim: int
    arms: int
    decision: float
    full: float
    update: float
    rebuild: float
    paretobandit_decision: float
    paretobandit_update: float
    sweep: float
    vowpalwabbit_decision: float | None = None
    vowpalwabbit_update: float | None = None
    mabwiser_decision: float | None = None
    mabwiser_update: float | None = None

    @property
    def shared(self) -> float:
        """An update, and its part in the rebuild that falls due when a tenth has faded."""
        return self.update + self.rebuild * math.log(KEPT) / math.log(FADED)

    def ratios(self) -> dict[str, float]:
        """Our time as a share of everybody else's, for the same event."""
        theirs = {
            "decision / sweep": self.decision / self.sweep,
            "full / paretobandit decision": self.full / self.paretobandit_decision,
            "update, rebuilds shared / paretobandit": self.shared / self.paretobandit_update,
        }
        for library in ("paretobandit", "vowpalwabbit", "mabwiser"):
            for event in ("decision", "update"):
                took = getattr(self, f"{library}_{event}")
                if took is not None:
                    theirs[f"{event} / {library}"] = getattr(self, event) / took
        return theirs


def show_rows(rows: Sequence[Row]) -> None:
    """Tables of times and of ratios, one line per contestant and one column per size."""
    head = [f"({row.dim}, {row.arms})" for row in rows]
    times = {name: [getattr(row, name) for row in rows] for name in asdict(rows[0])}
    show_table(
        "microseconds per event, medians",
        ["(d, K)", *head],
        [
            [name, *("not installed" if t is None else f"{t:.1f}" for t in took)]
            for name, took in times.items()
            if name not in ("dim", "arms")
        ],
    )
    ratios = [row.ratios() for row in rows]
    show_table(
        "Conduit's time as a share of theirs",
        ["(d, K)", *head],
        [[name, *(f"{of[name]:.3f}" for of in ratios)] for name in ratios[0]],
    )
