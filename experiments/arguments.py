"""The command line that all experiments share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from conduit.settings import Settings

BACKENDS = ("loky", "ray")
SEEDS = "seeds"
RESULTS = Path(__file__).parent / "results"
SCRATCH = Path(".local") / "experiments"
"""Where runs on tuning data leave their files; never committed."""


HELD_PART = "held out"
ALL_ROWS = "all rows, those of tuning among them"
"""What a counted run of an experiment is measured on that does not keep the two apart."""


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
        held_out: measure on what tuning does not see, or not alone, and count that.
        measured: what a counted run is measured on, in words.
        size: how much of it; what that means is the experiment's own.
        counts: what ``seeds`` counts: shuffles of recorded data, or something of its own.
        flag: whether the experiment's own option was given.
        choice: which of the experiment's own variants is run.
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
    measured: str = HELD_PART
    size: int = 0
    counts: str = SEEDS
    flag: bool = False
    choice: str = ""

    @property
    def stem(self) -> str:
        """Name of the files this run writes."""
        return self.name if self.held_out or self.counts != SEEDS else f"{self.name}-tuning"


def parse_count(
    name: str,
    *,
    about: str,
    counts: str,
    default: int,
    size: int = 0,
    flag: tuple[str, str] | None = None,
    choice: tuple[str, Sequence[str]] | None = None,
    argv: Sequence[str] | None = None,
) -> Arguments:
    """Read the command line of an experiment without recorded data.

    Args:
        name: of the experiment.
        about: its question, for ``--help``.
        counts: what it counts, which is also the option: ``kills`` gives ``--kills``.
        default: how many the protocol asks for.
        size: the protocol's size, for experiments that have one.
        flag: an option without a value, and what it is good for.
        choice: an option, and its values, of which the first is taken where none is given.
        argv: words; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog=f"python -m experiments.{name}", description=about)
    add = parser.add_argument
    add(f"--{counts}", type=_count, default=default, help=f"how many (default {default})")
    add("--json", type=Path, help="file for the figures")
    if size:
        add("--size", type=_count, default=size, help=f"how much of it (default {size})")
    if flag:
        add(f"--{flag[0]}", dest="flag", action="store_true", help=flag[1])
    if choice:
        option, values = choice
        about = f"one of these (default {values[0]})"
        add(f"--{option}", dest="choice", choices=values, default=values[0], help=about)
    given = parser.parse_args(argv)
    return Arguments(
        name=name,
        seeds=getattr(given, counts),
        jobs=1,
        backend=BACKENDS[0],
        data=None,
        cache=platformdirs.user_cache_path("conduit"),
        json=given.json or SCRATCH / f"{name}.json",
        out=SCRATCH,
        held_out=False,
        size=given.size if size else 0,
        counts=counts,
        flag=bool(flag and given.flag),
        choice=given.choice if choice else "",
    )


def parse(
    name: str,
    *,
    about: str,
    seeds: int,
    argv: Sequence[str] | None = None,
    measured: str = HELD_PART,
) -> Arguments:
    """Read the command line.

    Args:
        name: of the experiment.
        about: its question, for ``--help``.
        seeds: the protocol's number of seeds.
        argv: words; None takes the process's own.
        measured: what a counted run is measured on, in words.
    """
    parser = argparse.ArgumentParser(prog=f"python -m experiments.{name}", description=about)
    add = parser.add_argument
    add("--seeds", type=_count, default=seeds, help=f"shuffles (default {seeds})")
    add("--jobs", type=_count, default=1, help="processes (default 1)")
    add("--backend", choices=BACKENDS, default="loky", help="what runs them (default loky)")
    add("--data", type=Path, help="folder with the Parquet files (default: CONDUIT_DATA)")
    add(
        "--cache", type=Path, default=platformdirs.user_cache_path("conduit"), help="for embeddings"
    )
    add("--json", type=Path, help="file for the figures")
    add("--out", type=Path, help="folder for the picture, and for the figures without --json")
    part = "the held part" if measured == HELD_PART else measured
    add("--held-out", action="store_true", help=f"measure on {part}; this is counted")
    given = parser.parse_args(argv)
    out = given.out or (RESULTS if given.held_out else SCRATCH)
    stem = name if given.held_out else f"{name}-tuning"
    return Arguments(
        name=name,
        seeds=given.seeds,
        jobs=given.jobs,
        backend=given.backend,
        data=given.data or Settings.load().data,
        cache=given.cache,
        json=given.json or out / f"{stem}.json",
        out=out,
        held_out=given.held_out,
        measured=measured,
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number
