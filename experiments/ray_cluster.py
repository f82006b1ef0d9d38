"""Tasks on Ray: on the cluster that ``RAY_ADDRESS`` names, else on one of this machine's own.

The one of this machine listens on loopback alone, reports nothing to anybody, and ends with the work.
Ray is used directly: joblib's backend for it runs a single job without Ray at all, and needs two
private modules of joblib.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from conduit.core.errors import ConfigurationError

T = TypeVar("T")
R = TypeVar("R")

ROOT = Path(__file__).parent.parent
AHEAD = 4
"""Tasks per processor that are handed over at a time, since each holds its own copy of the data."""
PATIENCE = 10.0
"""Seconds for a cluster to accept a connection."""


def on_ray(work: Callable[[T], R], tasks: Iterable[T], *, jobs: int) -> list[R]:
    """Results of ``work`` on every task, in order.

    Args:
        work: a function of a module.
        tasks: its inputs.
        jobs: processors of the cluster, where one is started; a running one has its own number.

    Raises:
        ConfigurationError: when Ray is not installed, or no cluster answers at ``RAY_ADDRESS``.
    """
    if find_spec("ray") is None:
        raise ConfigurationError(
            "--backend ray needs ray", remedy="pip install 'conduit-router[ray]'"
        )

    def run(task: T) -> R:  # Ray takes functions only, and work may be a partial one
        return work(task)

    with _cluster(jobs) as ray:
        remote = ray.remote(run)
        limit = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting: deque[Any] = deque()
        found: list[R] = []
        for task in tasks:
            if len(waiting) == limit:
                found.append(ray.get(waiting.popleft()))
            waiting.append(remote.remote(task))
        return found + [ray.get(result) for result in waiting]


@contextmanager
def _cluster(jobs: int) -> Iterator[Any]:
    address = os.environ.get("RAY_ADDRESS")
    if address is None:
        os.environ.update(_private())
    else:
        _ask(address)
    import ray  # noqa: PLC0415  # an extra, and it reads the environment when it is imported

    options = {"log_to_driver": False, "logging_level": "WARNING"}
    if address is None:
        ray.init("local", num_cpus=jobs, include_dashboard=False, **options)
    else:
        modules = [str(ROOT / name) for name in ("conduit", "experiments")]
        ray.init(address, runtime_env={"py_modules": modules}, **options)
    try:
        yield ray
    finally:
        ray.shutdown()


def _ask(address: str) -> None:
    """Fail at once where nobody listens, for which Ray itself takes many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"no Ray cluster answers at RAY_ADDRESS={address}",
            remedy="give host:port of a running one, or unset it to use this machine",
        ) from error


def _private() -> dict[str, str]:
    """Surroundings of a cluster that is nobody else's."""
    return {
        "RAY_USAGE_STATS_ENABLED": "0",
        # Named for the systems where it is the default: a node that is no cluster's is 127.0.0.1.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        # Other users of this machine are kept out, and no token is left in the home folder.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }
