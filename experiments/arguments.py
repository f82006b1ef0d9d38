"""The command line that all experiments share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

BACKENDS = ("loky", "ray")
RESULTS = Path(__file__).parent / "results"
SCRATCH = Path(".local") / "experiments"
"""Where runs on tuning data leave their files; never committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """How an experiment is to be run.

    Args:
        name: of the experiment.
        seeds: number of shuffles.
        jobs: processes.
        backend: what runs them.
        data: folder with the Parquet files; None where only installed packages have data.
        cache: folder for embeddings and the encoder's files.
        json: where the figures go.
        out: folder for the picture.
        held_out: measure on the held part, and count that.
        size: how much of it; what that means is the experiment's own.
    """

    name: str
    seeds: int
    jobs: int
    backend: str
    data: Path | None
    cache: Path
    json: Path
    out: Path
    held_out: bool
    size: int = 0

    @property
    def stem(self) -> str:
        """Name of the files this run writes."""
        return self.name if self.held_out else f"{self.name}-tuning"


def parse(
    name: str, *, about: str, seeds: int, size: int = 0, argv: Sequence[str] | None = None
) -> Arguments:
    """Read the command line.

    Args:
        name: of the experiment.
        about: its question, for ``--help``.
        seeds: the protocol's number of seeds.
        size: the protocol's size, for experiments that have one.
        argv: words; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog=f"python -m experiments.{name}", description=about)
    add = parser.add_argument
    add("--seeds", type=_count, default=seeds, help=f"shuffles (default {seeds})")
    add("--jobs", type=_count, default=1, help="processes (default 1)")
    add("--backend", choices=BACKENDS, default="loky", help="what runs them (default loky)")
    add("--data", type=Path, help="folder with the Parquet files (default: $CONDUIT_DATA)")
    add(
        "--cache", type=Path, default=platformdirs.user_cache_path("conduit"), help="for embeddings"
    )
    add("--json", type=Path, help="file for the figures")
    add("--out", type=Path, help="folder for the picture, and for the figures without --json")
    add("--held-out", action="store_true", help="measure on the held part; this is counted")
    if size:
        add("--size", type=_count, default=size, help=f"how much of it (default {size})")
    given = parser.parse_args(argv)
    out = given.out or (RESULTS if given.held_out else SCRATCH)
    stem = name if given.held_out else f"{name}-tuning"
    return Arguments(
        name=name,
        seeds=given.seeds,
        jobs=given.jobs,
        backend=given.backend,
        data=given.data or _folder(os.environ.get("CONDUIT_DATA")),
        cache=given.cache,
        json=given.json or out / f"{stem}.json",
        out=out,
        held_out=given.held_out,
        size=given.size if size else 0,
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number


def _folder(text: str | None) -> Path | None:
    return Path(text) if text else None
