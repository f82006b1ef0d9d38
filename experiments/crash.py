"""Does feedback that was acknowledged survive a process that is killed, exactly once?

A process routes and gives feedback in four tasks at once, folding as it goes, and is killed with SIGKILL at a
random moment, on SQLite and on PostgreSQL. Then its database is opened as after any crash, and held
against what the process had been promised: every acknowledged feedback is there, none is there twice, and
the learned state equals sums made anew from the log to 1e-9, relative to the largest. ``--torn`` takes a store
that writes an observation and its pending row in two transactions; the script must then fall short.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from conduit.stores import migrate
from conduit.stores.sql import SQLStore
from experiments.arguments import Arguments, parse_count
from experiments.crash_writer import write_until_killed
from experiments.log_sums import equality, kept_by
from experiments.report import Check, conclude, show_table
from experiments.servers.postgres import postgres

NAME = "crash"
KILLS = 200
IN_FLIGHT = 0.5
"""Share of kills that must fall between a request and its acknowledgement."""
LONGEST = 0.4
"""Seconds after the first acknowledgement within which the process is killed."""
PATIENCE = 60.0
"""Seconds in which it must have had its first one."""
SEED = 7000


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """One kill.

    Args:
        database: which kind.
        asked: feedbacks that were given.
        promised: those that were acknowledged.
        missing: acknowledged ones that are not in the log.
        twice: ratings of a decision and arm beyond the first.
        error: largest difference of learned state and the log's sums, relative to the largest sum.
    """

    database: str
    asked: int
    promised: int
    missing: int
    twice: int
    error: float

    @property
    def in_flight(self) -> bool:
        """Whether feedback was given that was not acknowledged yet."""
        return self.asked > self.promised


def kill_one(database: str, address: str, *, torn: bool, rng: random.Random) -> Killed:
    """Start a writer on a new database, kill it, and look at what is left."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=write_until_killed, args=(address, theirs, torn))
    process.start()
    theirs.close()
    with ours:
        try:
            said = _until_first(ours)
            time.sleep(rng.uniform(0.0, LONGEST))
        finally:
            process.kill()
            process.join()
        said += _rest(ours)
    asked = {line[2:].decode() for line in said.splitlines() if line.startswith(b"? ")}
    promised = {line[2:].decode() for line in said.splitlines() if line.startswith(b"! ")}
    missing, twice, error = asyncio.run(_left(address, promised))
    return Killed(
        database=database,
        asked=len(asked),
        promised=len(promised),
        missing=missing,
        twice=twice,
        error=error,
    )


def _until_first(pipe: Connection) -> bytes:
    """What the writer says until its first feedback is acknowledged."""
    said, until = b"", time.monotonic() + PATIENCE
    while b"! " not in said:
        more = _more(pipe) if pipe.poll(max(until - time.monotonic(), 0.0)) else b""
        if not more:
            raise RuntimeError("the writer never got as far as one acknowledged feedback")
        said += more
    return said


def _rest(pipe: Connection) -> bytes:
    """What it had said before it was killed."""
    return b"".join(iter(lambda: _more(pipe), b""))


def _more(pipe: Connection) -> bytes:
    return os.read(pipe.fileno(), 1 << 16)


async def _left(address: str, promised: set[str]) -> tuple[int, int, float]:
    """Promised feedback that is missing, ratings there twice, and the error of learned state."""
    store = SQLStore(address)
    await store.open()
    kept = await kept_by(store)
    await store.close()
    rated = set(kept.rated)
    return len(promised - rated), len(kept.rated) - len(rated), kept.error


@contextmanager
def databases() -> Iterator[dict[str, Callable[[int], str]]]:
    """Makers of new databases by kind: the n-th one's address."""
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        template = Path(folder) / "template.db"
        migrate.up(template)
        migrate.up(server.create("template_of_crash"))

        def sqlite(number: int) -> str:
            path = Path(folder) / f"{number}.db"
            path.write_bytes(template.read_bytes())
            return str(path)

        def postgresql(number: int) -> str:
            server.drop(f"crash_{number - 1}")
            return server.create(f"crash_{number}", template="template_of_crash")

        yield {"sqlite": sqlite, "postgresql": postgresql}


def run(arguments: Arguments, *, torn: bool) -> list[Killed]:
    """All kills on both databases."""
    found = []
    with databases() as kinds:
        for number in range(arguments.seeds):
            for kind, new in kinds.items():
                rng = random.Random(SEED + number)  # noqa: S311 - moments, not secrets
                found.append(kill_one(kind, new(number), torn=torn, rng=rng))
    return found


def checks_of(found: Sequence[Killed]) -> list[Check]:
    """Nothing lost, nothing twice, learned state equal, and enough kills at the worst moment."""
    checks = []
    for kind in dict.fromkeys(it.database for it in found):
        of_kind = [it for it in found if it.database == kind]
        in_flight = sum(it.in_flight for it in of_kind) / len(of_kind)
        for name, value in (
            ("acknowledged feedbacks lost", sum(it.missing for it in of_kind)),
            ("feedbacks twice", sum(it.twice for it in of_kind)),
        ):
            checks.append(Check(name=f"{kind}: {name}", value=value, bound=0, most=True))
        error = max(it.error for it in of_kind)
        checks += [
            equality(f"{kind}, learned state", error),
            Check(name=f"{kind}: kills with feedback in flight", value=in_flight, bound=IN_FLIGHT),
        ]
    return checks


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, look, and say whether it holds."""
    arguments = parse_count(
        NAME,
        about=(__doc__ or "").partition("\n")[0],
        counts="kills",
        default=KILLS,
        flag=("torn", "take a store that is not atomic; the script must then fall short"),
        argv=argv,
    )
    found = run(arguments, torn=arguments.flag)
    rows = []
    for kind in dict.fromkeys(it.database for it in found):
        of_kind = [it for it in found if it.database == kind]
        rows.append(
            [
                kind,
                str(len(of_kind)),
                str(sum(it.in_flight for it in of_kind)),
                str(sum(it.promised for it in of_kind)),
                str(sum(it.missing for it in of_kind)),
                str(sum(it.twice for it in of_kind)),
                f"{max(it.error for it in of_kind):.1e}",
            ]
        )
    show_table(
        "kills, and what was left",
        ["database", "kills", "in flight", "acknowledged", "lost", "twice", "error"],
        rows,
    )
    figures = {"torn": arguments.flag, "kills": [asdict(it) for it in found]}
    return conclude(arguments, figures, checks=checks_of(found), held_out=None)


if __name__ == "__main__":
    sys.exit(main())
