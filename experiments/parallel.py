"""Seeds and policies in parallel, each on one thread of linear algebra."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from experiments.arguments import Arguments
from experiments.ray_cluster import on_ray

T = TypeVar("T")
R = TypeVar("R")


def spread(work: Callable[[T], R], tasks: Iterable[T], arguments: Arguments) -> list[R]:
    """Results of ``work`` on every task, in order.

    Args:
        work: a function of a module, so that other processes can find it.
        tasks: its inputs.
        arguments: how many processes of which backend.

    Raises:
        ConfigurationError: when a library of the backend is not installed.
    """
    from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped] # noqa: PLC0415  # in an extra

    if arguments.backend == "ray":
        return on_ray(partial(_alone, work), tasks, jobs=arguments.jobs)
    with parallel_config(backend=arguments.backend, n_jobs=arguments.jobs):
        found: list[R] = Parallel()(delayed(_alone)(work, task) for task in tasks)
    return found


def _alone(work: Callable[[T], R], task: T) -> R:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # noqa: PLC0415  # in an extra

    with threadpool_limits(limits=1):
        return work(task)
