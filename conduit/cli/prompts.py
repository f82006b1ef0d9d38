"""Where the prompt comes from: an argument, ``-q``, or standard input."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout

import typer

from conduit.core.errors import InvalidInputError
from conduit.simple.named.standard_input import standard_input


def read_prompt(ctx: typer.Context, *, argument: str | None, option: str | None) -> str:
    """The prompt of a call.

    Args:
        ctx: of the command, whose help is shown when a terminal gives no prompt.
        argument: ``PROMPT``.
        option: ``--query``.

    Raises:
        InvalidInputError: for two prompts, or standard input that is empty, too long or no text.
        typer.Exit: with 2, after the command's help, when there is nothing to read.
    """
    if argument is not None and option is not None:
        raise InvalidInputError(
            "the prompt is given twice", remedy="give it as PROMPT or by --query, not both"
        )
    given = argument if argument is not None else option
    if given is not None:
        return given
    if sys.stdin is None or sys.stdin.isatty():
        with redirect_stdout(sys.stderr):
            typer.echo(ctx.get_help())
        raise typer.Exit(2)
    return standard_input()
