"""The commands by name; each one's module is imported only when it is called.

So ``conduit --help`` and ``conduit version`` load neither numpy nor SQLAlchemy, and command
modules import what they need at their top like any other module.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from inspect import cleandoc
from types import MappingProxyType
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "demo": "Route recorded real prompts, learn from each, and show what that saved.",
        "route": "Decide which model should answer a prompt, without calling it.",
        "run": "Have a prompt answered by the model that should answer it.",
        "batch": "Have a folder of prompts answered, and only what is not answered yet.",
        "serve": "Serve OpenAI's protocol, with the model decided for every request.",
        "feedback": "Say how an answer was, so that the next decision is better.",
        "evaluate": "Say what another policy would have given, from what was logged.",
        "report": "Say what was spent and saved, per model, user, task or day, and how it was rated.",
        "warm-start": "Learn from labelled outcomes before the first request.",
        "fit-neighbours": "Encode labelled queries for the policy knn, which judges by the nearest of them.",
        "train-router": "Make the router of conduit.Provider from labelled outcomes of your own.",
        "explore": "Show what conduit.Provider would do: models, routes, costs and strategies.",
        "db": "Look after the database: status, export, import, refit, purge, changes.",
        "list": "Show the providers: what each needs, and whether that is there.",
        "models": "Show the models, their prices, and what was learned about them.",
        "config": "Show every setting, its value, and where that came from.",
        "version": "Show the version.",
    }
)
"""Per command its summary: module ``conduit.cli.NAME`` has a function ``NAME``, with underscores."""

GROUPS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "db": {
            "status": "Say how the database is: schema, size, rows, what was learned, and lag.",
            "export": "Write what was learned to a file that another database can take in.",
            "import": "Learn what a file of 'conduit db export' holds.",
            "refit": "Rebuild what was learned from the log, while others go on serving.",
            "purge": "Forget decisions, users, prompts and costs, and keep what was learned.",
            "changes": "Show who changed models, prices, budgets and the database, and when.",
        }
    }
)
"""Per group its commands: module ``conduit.cli.GROUP_NAME`` has a function ``GROUP_NAME``."""

EXIT_CODES = (
    "Exit codes: 0 success; 1 no model answered, or the log cannot answer; "
    "2 input, settings or a database that cannot be used. Errors are one line on standard error."
)


class Verbatim(TyperCommand):
    """A command whose help is printed as it is written, examples and all, and never cut."""

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - inherited
        """Write the help text."""
        write_verbatim(self.help, formatter)


class LazyGroup(TyperGroup):
    """A group that lists its commands from the table and imports the one that is called.

    Args:
        group: a key of :data:`GROUPS`; empty for :data:`COMMANDS`.
        attributes: of any group.
    """

    def __init__(self, group: str = "", **attributes: Any) -> None:
        super().__init__(**attributes)
        self._group = group
        for name, summary in (GROUPS[group] if group else COMMANDS).items():
            self.add_command(TyperCommand(name, help=summary))

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - inherited
        """Write the help text."""
        write_verbatim(self.help, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Name, command and remaining arguments of a call."""
        name, _, rest = super().resolve_command(ctx, args)
        if name is None:
            return None, None, rest
        return name, load_command(f"{self._group} {name}".strip()), rest

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """A group of commands teaches when it is called alone, as the bare command does."""
        alone = ["--help"] if self._group and not args else args
        return super().parse_args(ctx, alone)


def load_command(name: str) -> Any:
    """The command of that name, with its options.

    Args:
        name: a key of :data:`COMMANDS`, or one of :data:`GROUPS`, a blank and a key of that.
    """
    identifier = name.replace("-", "_").replace(" ", "_")
    if name in GROUPS:
        return _group(name)
    function = getattr(import_module(f"conduit.cli.{identifier}"), identifier)
    alone = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    alone.command(name.rsplit(maxsplit=1)[-1], cls=Verbatim, epilog=EXIT_CODES)(function)
    return typer.main.get_command(alone)


def _group(name: str) -> LazyGroup:
    return LazyGroup(
        name,
        name=name,
        help=import_module(f"conduit.cli.{name}").__doc__,
        epilog=EXIT_CODES,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
    )


def write_verbatim(text: str | None, formatter: Any) -> None:
    """Write a help text line by line, where the formatter would fill paragraphs."""
    formatter.write_paragraph()
    for line in cleandoc(text or "").splitlines():
        formatter.write(f"  {line}\n" if line else "\n")
