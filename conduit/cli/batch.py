"""``conduit batch``."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from conduit.batch.results import Report
from conduit.batch.running import arun_batch
from conduit.batch.telling import Telling
from conduit.cli import options
from conduit.cli.batch_provider import Wanted, opened
from conduit.cli.console import say, say_json
from conduit.cli.log_file import logged_to_file
from conduit.cli.logs import load_settings, write_lines_for
from conduit.cli.numbers import number, whole_number

_Provider: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--provider",
        metavar="NAME",
        help="Who answers: auto, or a name of 'conduit list'; default: MODEL_PROVIDER, else auto, "
        "where Conduit decides the model of every prompt and learns.",
    ),
]
_Model: TypeAlias = Annotated[
    str | None,
    typer.Option("--model", metavar="ID", help="Model for all prompts; default: MODEL_NAME."),
]
_Parallelism: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--parallelism",
        "-j",
        parser=whole_number,
        metavar="N",
        help="Prompts at once; default: the provider's own, 32 for auto.",
    ),
]
_InputDir: TypeAlias = Annotated[
    Path, typer.Option("--input-dir", metavar="FOLDER", help="Where the prompts are.")
]
_OutputDir: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--output-dir", metavar="FOLDER", help="Where answers go; made where it is missing."
    ),
]
_Recursive: TypeAlias = Annotated[
    bool, typer.Option("--recursive", "-r", help="Look into the folders below as well.")
]
_Force: TypeAlias = Annotated[
    bool, typer.Option("--force", help="Ask again where the answer is there already.")
]
_Verbose: TypeAlias = Annotated[
    bool, typer.Option("--verbose", help="Say what becomes of every prompt, on standard error.")
]
_Reasoning: TypeAlias = Annotated[
    str | None,
    typer.Option("--reasoning", metavar="EFFORT", help="Of openai-codex: low, medium or high."),
]
_MaxCost: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--max-cost",
        parser=number,
        metavar="USD",
        help="Most that the whole batch may cost; prompts beyond it fail.",
    ),
]


def batch(
    *,
    provider: _Provider = None,
    model: _Model = None,
    parallelism: _Parallelism = None,
    input_dir: _InputDir = Path("prompts"),
    output_dir: _OutputDir = Path("outputs"),
    recursive: _Recursive = False,
    force: _Force = False,
    verbose: _Verbose = False,
    reasoning: _Reasoning = None,
    max_cost: _MaxCost = None,
    json: options.Json = False,
) -> None:
    """Have a folder of prompts answered, and only what is not answered yet.

      NAME.json.prompt.md  becomes NAME.json: strictly JSON, or the prompt fails
      NAME.md.prompt.md    becomes NAME.md
      NAME.prompt.md       becomes one of the two, as the answer is

    A prompt whose answer is there is skipped, as long as neither its text nor
    who is asked has changed. Without --provider, Conduit decides for every
    prompt which model should answer it, and learns from what happens; with one,
    that provider's model answers them all.

      conduit batch
      conduit batch --provider openai --model gpt-4o -j 8
      conduit batch -r --input-dir prompts/ --output-dir outputs/ --json

    Outputs are written whole or not at all, so a batch may be stopped and
    started again, or run twice at once: no prompt is paid twice. A failure stops
    no other prompt; failures are listed at the end. The log is
    .local/logs/conduit.log, unless CONDUIT_LOG_FILE names another file; it has
    no word of a prompt or an answer.

    The exit code is 0 when all prompts are done or were done before, 1 when one
    failed or there is none, 130 after Ctrl-C.
    """
    settings = load_settings()
    wanted = Wanted(provider=provider, model=model, reasoning=reasoning, max_cost=max_cost)
    write_lines_for(settings)
    telling = Telling(verbose=verbose)
    run = partial(
        arun_batch,
        parallelism=parallelism,
        force=force,
        input_dir=input_dir,
        output_dir=output_dir,
        recursive=recursive,
        watch=telling,
    )

    async def answered() -> Report:
        async with opened(wanted, settings) as routed:
            return await run(routed, check=routed.check)

    with logged_to_file(settings), telling.watching():
        report = asyncio.run(answered())
    telling.failures(report)
    if json:
        say_json(report.as_json())
    else:
        say(report.summary)
    raise typer.Exit(report.exit_code)
