"""What the commands of ``conduit db`` share: which database, and who asks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from conduit.core.errors import ConfigurationError
from conduit.engines.configured import direct_place
from conduit.settings import Settings

Moving: TypeAlias = Callable[[int, int], None]
"""Is told how much of how much is done."""


def place_of(settings: Settings, database: str | None) -> str:
    """The database that ``--database`` or the settings name.

    Raises:
        ConfigurationError: where only Supabase over REST is set up, which no command can look
            after.
    """
    if database is not None:
        return database
    place = direct_place(settings)
    if place is None:
        raise ConfigurationError(
            "'conduit db' needs a direct connection, and only SUPABASE_URL is set",
            remedy="set DATABASE_URL to the project's postgresql:// address, or give --database",
        )
    return place


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether somebody at the terminal agrees; ``--yes`` asks nobody.

    Raises:
        ConfigurationError: where nobody can be asked.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "there is no terminal to ask for confirmation", remedy="add --yes, or --dry-run to look"
        )
    return typer.confirm(question, err=True)


@contextmanager
def moving(what: str) -> Iterator[Moving]:
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    columns = TextColumn(what), BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
