"""Processes that work side by side from the same moment on."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.synchronize import Barrier
from typing import Any


def together(
    processes: int,
    work: Callable[..., Any],
    *arguments: Any,
    spawned: bool = False,
) -> list[Any]:
    """Have processes work; what each has to say.

    Args:
        processes: how many.
        work: a coroutine function of a barrier, at which it waits when it is ready, the process's
            number, and the arguments.
        arguments: for each of them.
        spawned: whether they begin anew, as threads that run already make it necessary.
    """
    fork, spawn = multiprocessing.get_context("fork"), multiprocessing.get_context("spawn")
    context: ForkContext | SpawnContext = spawn if spawned else fork
    start = context.Barrier(processes)
    pipes, running = [], []
    for number in range(processes):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(theirs, start, work, number, *arguments))
        process.start()
        theirs.close()
        pipes.append(ours)
        running.append(process)
    try:
        return [pipe.recv() for pipe in pipes]
    finally:
        for process in running:
            process.join()


def _work(
    pipe: Connection, start: Barrier, work: Callable[..., Any], number: int, *arguments: Any
) -> None:
    logging.disable(logging.WARNING)
    pipe.send(asyncio.run(work(start, number, *arguments)))
