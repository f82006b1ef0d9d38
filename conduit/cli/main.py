"""The command ``conduit``: parses, runs one command, and turns errors into one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from conduit.cli.commands import LazyGroup
from conduit.cli.console import complain, note
from conduit.cli.logs import logs_on_stderr
from conduit.cli.version import say_version
from conduit.core.errors import ConduitError
from conduit.simple.standard_output import drop_output

app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every command has --json for programs, and --help with examples.",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments, without the program's name; None takes the process's own.

    Returns:
        0 for success; 1 when no model answered, or the log cannot; 2 for input, settings, a
        database or a path that cannot be used; 130 when interrupted; 141 when the reader of standard output
        went away.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        with logs_on_stderr():
            code = typer.main.get_command(app).main(
                arguments, prog_name="conduit", standalone_mode=False
            )
    except ConduitError as error:
        complain(str(error))
        return error.exit_code
    except typer.TyperException as error:
        complain(f"{error.format_message()} {_where_help_is(error)}")
        return error.exit_code
    except typer.Abort:  # Ctrl-C, or the end of input, where something was asked
        note("")
        return 130
    except OSError as error:
        drop_output()
        complain(_refused(error))
        return 2
    return code if isinstance(code, int) else 0  # typer answers 130 for an interrupt


@app.callback(invoke_without_command=True)
def conduit(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)
    ] = False,
) -> None:
    """Conduit decides for every prompt which LLM should answer it.

    It learns from what happens, and says what it saved. Try it without a key or a server:

      conduit demo
      conduit route "What is 2+2?"

    With a key in the environment or in .env (OPENAI_API_KEY, ANTHROPIC_API_KEY, …):

      conduit run "What is 2+2?"
      conduit feedback DECISION_ID --rating 5
    """
    if version:
        say_version()
    elif ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _where_help_is(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"(see '{context.command_path} --help')" if context else ""


def _refused(error: OSError) -> str:
    """What the system said, and of what."""
    said = error.strerror or str(error) or type(error).__name__
    return said if error.filename is None else f"{str(error.filename)!r} cannot be used: {said}"
