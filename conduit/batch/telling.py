"""What is seen of a batch: a bar on a terminal, a line per prompt where asked for, and failures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from conduit.batch.results import Report, Result

_SHOWN = 20
"""Failures that are listed; the log has them all."""
_WIDE = 10_000
"""Columns where nobody looks through a window."""


class Telling:
    """Tells people of a batch, on standard error alone.

    Args:
        verbose: a line per prompt.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._console = Console(stderr=True, markup=False, highlight=False, emoji=False)
        if not self._console.is_terminal:
            self._console.width = _WIDE
        self._bar: Progress | None = None
        self._report: Report | None = None

    def __call__(self, report: Report, result: Result | None) -> None:
        """Something has happened."""
        self._report = report
        if self._bar is not None:
            for task in self._bar.task_ids:
                spent = f"${report.spent:.4f}"
                self._bar.update(
                    task, total=report.prompts, completed=len(report.results), spent=spent
                )
        if result is not None and self._verbose:
            self.say(_line(result))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Show a bar meanwhile, on a terminal; say how far it came when it is interrupted."""
        try:
            with self._moving() if sys.stderr.isatty() else nullcontext():
                yield
        except KeyboardInterrupt:
            if self._report is not None:
                self.say(f"interrupted: {self._report.summary}")
            raise

    def failures(self, report: Report) -> None:
        """Say what failed, or that there was nothing to do."""
        if not report.prompts:
            self.say("error: no prompts: no file there has a name that ends in .prompt.md")
        failures = report.failures
        if failures:
            table = Table(
                "failed",
                "error",
                box=box.SIMPLE_HEAD,
                pad_edge=False,
                show_edge=False,
                header_style=None,
            )
            for result in failures[:_SHOWN]:
                table.add_row(result.prompt, result.error)
            with self._console.capture() as captured:
                self._console.print(table)
            lines = (line.rstrip() for line in captured.get().splitlines())
            self._console.file.write("".join(f"{line}\n" for line in lines))
        if len(failures) > _SHOWN:
            self.say(f"… and {len(failures) - _SHOWN:,} more")
        if report.stopped:
            not_asked = f"{report.left:,} were not asked"
            self.say(f"error: stopped, as an answer could not be written; {not_asked}")

    def say(self, text: str) -> None:
        """Write a line."""
        self._console.print(text)

    @contextmanager
    def _moving(self) -> Iterator[None]:
        with Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("spent {task.fields[spent]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        ) as self._bar:
            self._bar.add_task("", total=None, spent="-")
            yield
        self._bar = None


def _line(result: Result) -> str:
    words = [f"{result.status.value:8}{result.prompt}"]
    if result.output:
        words.append(f"-> {result.output}")
    if result.model:
        words.append(f"| {result.model} | ${result.cost:.6f} | {result.seconds:.1f} s")
    if result.error:
        words.append(f"| {result.error}")
    return " ".join(words)
