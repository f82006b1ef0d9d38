"""A whole folder: several prompts at once, none of which stops the others."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from conduit.batch.finding import find
from conduit.batch.names import Job
from conduit.batch.outputs import Outputs
from conduit.batch.results import Report, Result, Status
from conduit.batch.work import Answering, Work
from conduit.core.clocks import SystemClock
from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Response
from conduit.core.ports import Clock

_prompts = logging.getLogger("conduit.batch.prompts")
"""Takes a line per prompt, without words of prompts and answers."""
_log = logging.getLogger("conduit.batch")


async def arun_batch(
    provider: Answering,
    parallelism: int | None = None,
    *,
    force: bool = False,
    input_dir: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    recursive: bool = False,
    watch: Callable[[Report, Result | None], None] | None = None,
    clock: Clock | None = None,
    check: Callable[[Response], None] | None = None,
) -> Report:
    """Have every prompt of a folder answered that is not answered yet.

    Can be cancelled at any time: calls under way are given up, what was answered is there, and the
    next run goes on from it. Where an answer cannot be written, as on a full disk, nobody is asked
    any more.

    Args:
        provider: is asked.
        parallelism: prompts that are under way at once; None takes the provider's own.
        force: ask again where the answer is there already.
        input_dir: folder of prompts, ``*.prompt.md``.
        output_dir: folder of outputs; made where it is missing.
        recursive: look into the folders below as well; outputs are put into folders of these names.
        watch: is told the report at the beginning, and after every prompt with what became of it.
        clock: dates answers; None is the system's.
        check: raises UnusableAnswerError for an answer that is paid and not to be kept: its prompt
            fails, nothing is written, and the next run asks again; None keeps all.

    Returns:
        What became of every prompt. Prompts that failed are in it; they raise nothing.

    Raises:
        InvalidInputError: for folders or a number that cannot be used; nobody was called then.
    """
    began = time.monotonic()
    if parallelism is not None and parallelism < 1:
        raise InvalidInputError(
            f"parallelism={parallelism} answers nothing", remedy="give a whole number of at least 1"
        )
    folder = Path(input_dir)
    jobs = await asyncio.to_thread(find, folder, recursive=recursive)
    report = Report(len(jobs))
    tell = watch or _nobody
    tell(report, None)
    if not jobs:
        return report
    work = Work(
        provider=provider,
        folder=folder,
        outputs=Outputs(Path(output_dir)),
        force=force,
        clock=clock or SystemClock(),
        check=check,
    )
    queue = iter(jobs)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(parallelism or provider.default_parallelism, len(jobs))):
                group.create_task(_worker(queue, work, report, tell))
    finally:
        report.seconds = time.monotonic() - began
    return report


async def _worker(
    queue: Iterator[Job],
    work: Work,
    report: Report,
    tell: Callable[[Report, Result | None], None],
) -> None:
    """One prompt after the other, from a queue that all workers share."""
    for job in queue:
        if report.stopped:
            return
        result = await work.do(job)
        report.add(result)
        _write_down(result)
        tell(report, result)


def _write_down(result: Result) -> None:
    fields = {
        "prompt": result.prompt,
        "output": result.output,
        "model": result.model,
        "cost": result.cost,
        "seconds": result.seconds,
        "reason": result.reason,
    }
    level = logging.ERROR if result.status is Status.FAILED else logging.INFO
    known = {name: value for name, value in fields.items() if value is not None}
    _prompts.log(level, result.status.value, extra={"fields": known})
    if result.cut and result.output:
        _log.warning("cut by its length", extra={"fields": {"output": result.output}})


def _nobody(_report: Report, _result: Result | None) -> None:
    """Nobody watches."""
