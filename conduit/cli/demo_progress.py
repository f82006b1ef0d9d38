"""What is seen while the demo runs: a bar, a few lines, or every prompt."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from conduit.cli.console import note, say
from conduit.cli.demo_words import quality, shortened, usd
from conduit.engines.simulator import Simulator, Step
from conduit.evaluation.frontier import frontier

Watcher: TypeAlias = Callable[[Step], None]

_LINES = 4
"""How often a run without a terminal says how far it is."""


@contextmanager
def watching(simulator: Simulator, *, queries: bool, json: bool) -> Iterator[Watcher]:
    """Something to tell every step to.

    Args:
        simulator: whose steps they are.
        queries: write what happened to every prompt.
        json: keep standard output free.
    """
    if queries:
        yield _prompts(simulator, note if json else say)
    elif sys.stderr.isatty():
        with _bar() as bar:
            yield _moving(bar, len(simulator.queries))
    else:
        yield _lines(len(simulator.queries))


def _bar() -> Progress:
    return Progress(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("quality {task.fields[quality]}  spend {task.fields[spend]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _moving(bar: Progress, prompts: int) -> Watcher:
    task = bar.add_task("", total=prompts, quality="-", spend="-")
    totals = _Totals()

    def saw(step: Step) -> None:
        totals.add(step)
        bar.update(task, advance=1, quality=totals.mean_quality, spend=usd(totals.cost))

    return saw


def _lines(prompts: int) -> Watcher:
    totals = _Totals()
    every = max(1, -(-prompts // _LINES))

    def saw(step: Step) -> None:
        totals.add(step)
        if totals.prompts % every == 0 or totals.prompts == prompts:
            note(
                f"{totals.prompts:,} of {prompts:,} prompts: "
                f"quality {totals.mean_quality}, spend {usd(totals.cost)}"
            )

    return saw


def _prompts(simulator: Simulator, write: Callable[[str], None]) -> Watcher:
    outcomes = simulator.outcomes
    best = int(frontier(outcomes.cost.mean(axis=0), outcomes.quality.mean(axis=0))[-1])
    totals = _Totals()

    def saw(step: Step) -> None:
        totals.add(step)
        totals.best += float(outcomes.cost[step.query, best])
        latency = "unknown" if step.latency is None else f"{1000 * step.latency:.0f}ms"
        write(shortened(simulator.queries[step.query].text, before="Prompt: "))
        write(
            f"-> Routed to {outcomes.models[step.arm]} | cost {usd(step.cost)} | latency {latency}"
        )
        write(
            f"Total spend: {_plain(totals.cost)} USD | Savings vs {outcomes.models[best]}: "
            f"{_plain(totals.best - totals.cost)} USD"
        )

    return saw


class _Totals:
    """Sums over the steps so far; ``best`` is the best model's cost of the same prompts."""

    def __init__(self) -> None:
        self.prompts = 0
        self.quality = 0.0
        self.cost = 0.0
        self.best = 0.0

    def add(self, step: Step) -> None:
        """Count one step."""
        self.prompts += 1
        self.quality += step.quality
        self.cost += step.cost

    @property
    def mean_quality(self) -> str:
        """Mean so far, as the demo writes quality."""
        return quality(self.quality / self.prompts)


def _plain(amount: float) -> str:
    return usd(amount).replace("$", "")
