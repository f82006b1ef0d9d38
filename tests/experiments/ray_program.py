"""Run by the test of ``--backend ray``: the same tasks on loky and on Ray, in a process of its own."""

from __future__ import annotations

import json
import os

import numpy as np

from conduit.bandits.policies import policy_named
from experiments.arguments import parse
from experiments.digits import Task, digits_stream, run_task
from experiments.parallel import spread


def figure(task: Task) -> tuple[str, int]:
    """The last digit of a result, and the process that computed it."""
    return run_task(task).hex(), os.getpid()


def address(task: Task) -> str:
    """Where the node listens, asked inside a task."""
    import ray

    return str(ray.util.get_node_ip_address())


def both(task: Task) -> tuple[str, int, str]:
    """What a task on Ray can say."""
    return *figure(task), address(task)


def main() -> None:
    """Print what both backends computed, and where."""
    of = {
        backend: parse("trial", about="", seeds=1, argv=["--backend", backend])
        for backend in ("loky", "ray")
    }
    stream = digits_stream(of["loky"]).subset(np.arange(60))
    policy = policy_named("thompson", models=())
    tasks = [Task(stream=stream, policy=policy, seed=seed) for seed in range(6)]
    loky = [hexed for hexed, _ in spread(figure, tasks, of["loky"])]
    ray = spread(both, tasks, of["ray"])
    print(json.dumps({"loky": loky, "ray": ray, "driver": os.getpid()}))


if __name__ == "__main__":
    main()
