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
        "feedback": "Say how an answer was, so that the next decision is better.",
        "evaluate": "Say what another policy would have given, from what was logged.",
        "warm-start": "Learn from labelled outcomes before the first request.",
        "fit-neighbours": "Encode labelled queries for the policy knn, which judges by the nearest of them.",
        "models": "Show the models, their prices, and what was learned about them.",
        "config": "Show every setting, its value, and where that came from.",
        "version": "Show the version.",
    }
)
"""Per command its summary: module ``conduit.cli.NAME`` has a function ``NAME``, with underscores."""

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
    """A group that lists :data:`COMMANDS` from the table and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, summary in COMMANDS.items():
            self.add_command(TyperCommand(name, help=summary))

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - inherited
        """Write the help text."""
        write_verbatim(self.help, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Name, command and remaining arguments of a call."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else load_command(name), rest


def load_command(name: str) -> Any:
    """The command of that name, with its options.

    Args:
        name: a key of :data:`COMMANDS`.
    """
    identifier = name.replace("-", "_")
    function = getattr(import_module(f"conduit.cli.{identifier}"), identifier)
    alone = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    alone.command(name, cls=Verbatim, epilog=EXIT_CODES)(function)
    return typer.main.get_command(alone)


def write_verbatim(text: str | None, formatter: Any) -> None:
    """Write a help text line by line, where the formatter would fill paragraphs."""
    formatter.write_paragraph()
    for line in cleandoc(text or "").splitlines():
        formatter.write(f"  {line}\n" if line else "\n")
