"""Does a budget check take as long after a million calls as after a thousand?

A user with a daily, a monthly and a rolling monthly budget has made so many calls in the last four weeks, each
reserved, settled and on record. ``CostController.check_budget`` is asked on three SQLite files in turn: one with
1,000 calls, another one with 1,000, which tells what is noise, and one with ``--size``. What it answers must be
the sum of the calls.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import TypeAlias

from conduit import CostController, SQLiteStorage
from conduit.core.budgets import NANO
from conduit.core.spending import Spend
from experiments.arguments import parse_count
from experiments.check_history import NANOS, write_history
from experiments.report import Check, conclude, mean_and_error, show_table

NAME = "bench_check_budget"
USER = "user_123"
FEW = 1_000
CHECKS = 99
"""Of each file in a round; their median is one figure."""
CLOCKS: Mapping[str, Callable[[], float]] = MappingProxyType(
    {"wall clock": time.perf_counter, "processor": time.process_time}
)
"""Other programs' work is in the first."""
Medians: TypeAlias = dict[str, dict[str, list[float]]]
ERRORS = 3.0
"""Standard errors of what equal files differ by that are called noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Seconds of one check: the median of each round, by file.

    Args:
        few: after :data:`FEW` calls.
        again: likewise, on another file.
        many: after as many as were asked for.
    """

    few: tuple[float, ...]
    again: tuple[float, ...]
    many: tuple[float, ...]

    def ratio(self, times: Sequence[float]) -> tuple[float, float]:
        """Mean over rounds of how many times as long another file took, and its standard error."""
        return mean_and_error([one / few for one, few in zip(times, self.few, strict=True)])


def prepared(file: Path, calls: int) -> tuple[CostController, int]:
    """A controller on a new file, and nanodollars between what it says was spent and the truth."""
    controller, now = CostController(SQLiteStorage(file)), time.time()
    controller.set_user_budget(USER, daily_usd=1e6, monthly_usd=1e6)
    spends = controller.set_user_budget(USER, monthly_usd=1e6, rolling=True)
    write_history(file, spends, calls, now=now)
    return controller, max(abs(_wrong(it, calls)) for it in _rolling(controller.check_budget(USER)))


def _rolling(spends: Sequence[Spend]) -> list[Spend]:
    """Of the last 30 days, in which all calls were made."""
    return [spend for spend in spends if spend.budget.window.rolling]


def _wrong(spend: Spend, calls: int) -> int:
    return round(spend.settled * NANO) - calls * NANOS


def timed(controllers: Mapping[str, CostController], rounds: int) -> dict[str, Timed]:
    """Ask them in turn, check by check, beginning with another one every time; by clock."""
    names = list(controllers)
    medians: Medians = {clock: {name: [] for name in names} for clock in CLOCKS}
    for _ in range(rounds):
        times: Medians = {clock: {name: [] for name in names} for clock in CLOCKS}
        for turn in range(CHECKS):
            first = turn % len(names)
            for name in (*names[first:], *names[:first]):
                for clock, seconds in _asked(controllers[name]).items():
                    times[clock][name].append(seconds)
        for clock, found in times.items():
            for name in names:
                medians[clock][name].append(median(found[name]))
    return {
        clock: Timed(**{name: tuple(some) for name, some in found.items()})
        for clock, found in medians.items()
    }


def _asked(controller: CostController) -> dict[str, float]:
    began = {clock: now() for clock, now in CLOCKS.items()}
    controller.check_budget(USER, 0.01)
    return {clock: now() - began[clock] for clock, now in CLOCKS.items()}


def checks_of(found: Mapping[str, Timed], wrong: int) -> list[Check]:
    """The same time within what equal files differ by; and the truth, to the nanodollar."""
    checks = []
    for clock, it in found.items():
        (many, error), (twin, noise) = it.ratio(it.many), it.ratio(it.again)
        allowed = abs(twin - 1) + ERRORS * (noise**2 + error**2) ** 0.5
        name = f"times as long, less one, by the {clock}"
        checks.append(Check(name=name, value=many - 1, bound=allowed, most=True))
    truth = Check(name="nanodollars from the truth", value=float(wrong), bound=0.0, most=True)
    return [*checks, truth]


def measure(rounds: int, size: int) -> tuple[dict[str, Timed], int]:
    """All three files, and the worst of what they answer."""
    sizes = {"few": FEW, "again": FEW, "many": size}
    with tempfile.TemporaryDirectory() as folder:
        made = {name: prepared(Path(folder) / f"{name}.db", n) for name, n in sizes.items()}
        controllers = {name: controller for name, (controller, _) in made.items()}
        return timed(controllers, rounds), max(wrong for _, wrong in made.values())


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, report, and say whether it holds."""
    about = (__doc__ or "").partition("\n")[0]
    arguments = parse_count(
        NAME, about=about, counts="rounds", default=60, size=1_000_000, argv=argv
    )
    found, wrong = measure(arguments.seeds, arguments.size)
    for clock, it in found.items():
        rows = {
            f"{FEW:,} calls": it.few,
            f"{FEW:,} calls, another file": it.again,
            f"{arguments.size:,} calls": it.many,
        }
        show_table(
            f"one check_budget, by the {clock}",
            ["after", "median ms", "times as long", "± s.e."],
            [
                [name, f"{1e3 * median(times):.3f}", *(f"{x:.3f}" for x in it.ratio(times))]
                for name, times in rows.items()
            ],
        )
    figures = {
        "seconds": {clock: asdict(it) for clock, it in found.items()},
        "load_average": os.getloadavg(),
    }
    return conclude(arguments, figures, checks=checks_of(found, wrong), held_out=None)


if __name__ == "__main__":
    sys.exit(main())
