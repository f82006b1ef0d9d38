"""Where the prompt comes from: an argument, ``-q``, or standard input."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout

import typer

from conduit.core.errors import InvalidInputError
from conduit.core.models import MAX_TEXT_BYTES

_MOST_READ = 2 * MAX_TEXT_BYTES
"""An endless stream must end; up to here the exact size is for the query to judge."""


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
    return _standard_input()


def _standard_input() -> str:
    data = sys.stdin.buffer.read(_MOST_READ + 1)
    if len(data) > _MOST_READ:
        raise InvalidInputError(
            f"standard input has more than {_MOST_READ:,} bytes",
            remedy=f"shorten the prompt to {MAX_TEXT_BYTES:,}",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"standard input is no UTF-8 text (byte {error.start})",
            remedy="convert it, as in: iconv -f LATIN1 -t UTF-8",
        ) from None
    if not text.strip():
        raise InvalidInputError(
            "standard input is empty", remedy='pass a prompt, as in: conduit run "What is 2+2?"'
        )
    return text.rstrip("\r\n")  # the line break that echo adds is no part of the prompt
