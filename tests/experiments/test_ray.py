"""``--backend ray`` on a local cluster: real processes, loopback alone, gone with the work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conduit.core.errors import ConfigurationError
from experiments import ray_cluster
from experiments.arguments import parse
from experiments.parallel import spread

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """What one program computed on loky and on Ray; it ends Ray before it ends."""
    surroundings = {name: text for name, text in os.environ.items() if name != "RAY_ADDRESS"}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.experiments.ray_program"],
        cwd=ROOT,
        env=surroundings,
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_ray_gives_the_figures_of_loky_to_the_last_digit(said: dict[str, Any]) -> None:
    """Same tasks, same numbers, in the order of the tasks."""
    assert [figure for figure, _, _ in said["ray"]] == said["loky"]
    assert len(set(said["loky"])) > 1


def test_even_a_single_job_runs_on_ray_and_not_beside_it(said: dict[str, Any]) -> None:
    """No task ran in the process that asked, though --jobs was left at 1."""
    assert said["driver"] not in {process for _, process, _ in said["ray"]}


def test_a_cluster_of_this_machine_listens_on_loopback_alone(said: dict[str, Any]) -> None:
    """The node's address, where all of its servers listen, is 127.0.0.1."""
    assert {address for _, _, address in said["ray"]} == {"127.0.0.1"}


def test_no_process_of_the_cluster_outlives_the_work(said: dict[str, Any]) -> None:
    """The workers are gone soon after the program is."""
    workers = {process for _, process, _ in said["ray"]}
    deadline = time.monotonic() + 20
    while (left := {process for process in workers if alive(process)}) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.1)
    assert not left


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_without_ray_the_remedy_is_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that says what to install."""
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    arguments = parse("trial", about="", seeds=1, argv=["--backend", "ray"])
    with pytest.raises(ConfigurationError, match=r"conduit-router\[ray\]"):
        spread(len, [""], arguments)


@pytest.mark.parametrize("port", ["0", "none"])
def test_an_address_without_a_cluster_fails_at_once(
    monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    """Before Ray starts to wait, with the address and what to do."""
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    arguments = parse("trial", about="", seeds=1, argv=["--backend", "ray"])
    with pytest.raises(ConfigurationError, match=rf"RAY_ADDRESS=127\.0\.0\.1:{port}"):
        spread(len, [""], arguments)
