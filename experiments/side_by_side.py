"""Processes that work side by side from the same moment on."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Barrier
from typing import Any


def together(processes: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Have processes work; what each has to say.

    Each begins anew: a fork of this process would keep the locks that its threads held, and wait
    for them for ever.

    Args:
        processes: how many.
        work: a coroutine function of a barrier, at which it waits when it is ready, the process's
            number, and the arguments.
        arguments: for each of them.

    Raises:
        EOFError: when one ended without a word; the others are ended then.
    """
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(processes)
    pipes, running = [], []
    try:
        for number in range(processes):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(theirs, start, work, number, *arguments))
            process.start()
            theirs.close()  # so that the end of the process is the end of the pipe
            pipes.append(ours)
            running.append(process)
        return _said(pipes)
    except BaseException:
        for process in running:
            process.kill()
        raise
    finally:
        for process in running:
            process.join()


def _said(pipes: Sequence[Connection]) -> list[Any]:
    """In the order of the pipes; who ended without a word is noticed, whoever is waited for."""
    said: dict[Connection, Any] = {}
    while left := [pipe for pipe in pipes if pipe not in said]:
        for pipe in wait(left):
            assert isinstance(pipe, Connection)
            said[pipe] = pipe.recv()
    return [said[pipe] for pipe in pipes]


def _work(
    pipe: Connection, start: Barrier, work: Callable[..., Any], number: int, *arguments: Any
) -> None:
    logging.disable(logging.WARNING)
    try:
        said = asyncio.run(work(start, number, *arguments))
    except BaseException:
        start.abort()  # nobody waits for one that will not come
        raise
    pipe.send(said)
