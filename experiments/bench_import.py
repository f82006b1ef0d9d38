"""How much longer than a bare interpreter does ``from conduit import llm`` take to start?

Whole processes are timed, one at a time and in turn, so that whatever else the machine does falls on all
alike; *processor* is the time that was worked, without the wait for a core. Beside the import stand numpy's, for scale, and a program whose one call is answered by scripted
models with the hashing encoder, which loads everything: that is what a user waits for, once per process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from experiments.arguments import parse_count
from experiments.report import Check, conclude, show_table

NAME = "bench_import"
BARE, IMPORT = "a bare interpreter", "from conduit import llm"
PROGRAMS: Mapping[str, str] = {
    BARE: "pass",
    IMPORT: "from conduit import llm",
    "import numpy": "import numpy",
    "the first llm()": "from conduit import llm; llm('What is 2+2?', offline=True)",
}
ROUNDS = 20
MOST = 100.0
"""Milliseconds that the import may add."""

Times = Mapping[str, Sequence[float]]
"""Milliseconds of every process, by program."""


def measure(rounds: int) -> tuple[Times, Times]:
    """Start every program once for the files, and then so many times, in turn: elapsed, worked."""
    elapsed: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    worked: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as folder:
        own = {"CONDUIT_DATA_DIR": folder, "CONDUIT_CACHE_DIR": folder}
        environ = {**os.environ, **own, "CONDUIT_ENCODER": "hashing"}
        for turn in range(rounds + 1):
            for name, code in PROGRAMS.items():
                wall, processor = _timed(code, environ)
                if turn:
                    elapsed[name].append(wall)
                    worked[name].append(processor)
    return elapsed, worked


def _timed(code: str, environ: Mapping[str, str]) -> tuple[float, float]:
    began, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(environ))  # noqa: S603 - ours
    ended, after = time.perf_counter(), os.times()
    worked = after.children_user - before.children_user
    worked += after.children_system - before.children_system
    return 1000 * (ended - began), 1000 * worked


def added(times: Times, name: str) -> list[float]:
    """Milliseconds beyond the bare interpreter of the same round."""
    return [its - bare for its, bare in zip(times[name], times[BARE], strict=True)]


def checks_of(times: Times) -> list[Check]:
    """What the import may take, by the median round."""
    name = "milliseconds that the import adds"
    return [Check(name=name, value=median(added(times, IMPORT)), bound=MOST, most=True)]


def rows_of(elapsed: Times, worked: Times) -> list[list[str]]:
    """Per program its median, what it adds to a bare interpreter with the middle half, and the work."""
    rows = []
    for name, taken in elapsed.items():
        low, middle, high = quantiles(added(elapsed, name), n=4, method="inclusive")
        work = median(added(worked, name))
        row = (f"{median(taken):.0f}", f"{middle:.0f}", f"{low:.0f} to {high:.0f}", f"{work:.0f}")
        rows.append([name, *row])
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Time, show, and say whether it holds."""
    about = (__doc__ or "").partition("\n")[0]
    arguments = parse_count(NAME, about=about, counts="rounds", default=ROUNDS, argv=argv)
    elapsed, worked = measure(max(arguments.seeds, 2))
    head = ["program", "median", "added", "middle half", "processor, added"]
    show_table("milliseconds", head, rows_of(elapsed, worked))
    figures = {"milliseconds": elapsed, "processor": worked}
    return conclude(arguments, figures, checks=checks_of(elapsed), held_out=None)


if __name__ == "__main__":
    sys.exit(main())
