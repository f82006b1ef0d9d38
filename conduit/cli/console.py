"""What is said, and where: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys

import typer
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from conduit.simple.standard_output import encodable, write_out

_UNBOUNDED = 10_000
"""Columns of a page nobody looks at through a window: tables in pipes are never cut or wrapped."""


def say(text: str, *, exact: bool = False) -> None:
    """Write a result, ending in a line break.

    Args:
        text: of it.
        exact: the same bytes on every system: UTF-8, and no line break translated.

    Raises:
        typer.Exit: with 141 (as after SIGPIPE) when the reader has gone away.
        OSError: when standard output cannot be written to.
    """
    try:
        write_out(text if text.endswith("\n") else f"{text}\n", exact=exact)
    except BrokenPipeError:
        raise typer.Exit(141) from None


def say_json(value: object) -> None:
    """Write a result for programs: one JSON value, in ASCII whatever the terminal's encoding."""
    say(json.dumps(value, indent=2, allow_nan=False))


def say_table(table: Table) -> None:
    """Write a table: wrapped at blanks to fit a terminal, at its full width elsewhere.

    No cell is ever cut: what fits no terminal is left to the terminal to wrap.
    """
    console = Console(markup=False, highlight=False, emoji=False)
    least = Measurement.get(console, console.options.update(max_width=_UNBOUNDED), table).minimum
    if not console.is_terminal or console.width < least:
        console.width = _UNBOUNDED
    with console.capture() as captured:
        console.print(table)
    say("\n".join(line.rstrip() for line in captured.get().splitlines()))


def table_of(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table.

    Args:
        columns: headings.
        right: those whose cells are numbers.
    """
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    for column in columns:
        justify = "right" if column in right else "left"
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    return table


def note(text: str) -> None:
    """Write one line that is no result."""
    if sys.stderr is None:  # as where pythonw starts it
        return
    sys.stderr.write(encodable(f"{on_one_line(text)}\n", sys.stderr))
    sys.stderr.flush()


def complain(text: str) -> None:
    """Write an error on one line."""
    note(f"error: {text}")


def on_one_line(text: str) -> str:
    """The text with its line breaks and what surrounds them as single spaces."""
    return " ".join(line.strip() for line in text.splitlines())
