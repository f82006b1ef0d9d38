"""A folder of prompts answered by one call of a plain function."""

from __future__ import annotations

import os

from conduit.batch.loops import run_here
from conduit.batch.running import arun_batch
from conduit.batch.telling import Telling
from conduit.batch.work import Answering
from conduit.core.errors import ConduitError


def run_batch_mode(
    provider: Answering,
    parallelism: int | None = None,
    verbose: bool = False,
    force: bool = False,
    *,
    input_dir: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    recursive: bool = False,
) -> int:
    """Have every prompt of a folder answered that is not answered yet.

    ``{name}.json.prompt.md`` becomes ``{name}.json``, ``{name}.md.prompt.md`` becomes ``{name}.md``,
    and ``{name}.prompt.md`` one of the two, as its answer is. Failures and one line about all of it
    go to standard error. May be called anywhere, in a notebook as well; Ctrl-C cancels what is under
    way, and what was answered stays. ``docs/BATCH.md`` says the rest.

    Args:
        provider: of ``get_provider``, or whoever else answers.
        parallelism: prompts that are under way at once; None takes the provider's own.
        verbose: say what becomes of every prompt.
        force: ask again where the answer is there already.
        input_dir: folder of prompts.
        output_dir: folder of outputs; made where it is missing.
        recursive: look into the folders below as well; outputs are put into folders of these names.

    Returns:
        0 when every prompt is done or was done before; 1 when one failed, or there is none; 2 for
        folders, a number or settings that cannot be used.
    """
    telling = Telling(verbose=verbose)
    work = arun_batch(
        provider,
        parallelism,
        force=force,
        input_dir=input_dir,
        output_dir=output_dir,
        recursive=recursive,
        watch=telling,
    )
    try:
        with telling.watching():
            report = run_here(work)
    except ConduitError as error:
        telling.say(f"error: {error}")
        return error.exit_code
    telling.failures(report)
    telling.say(report.summary)
    return report.exit_code
