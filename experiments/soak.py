"""Does the gateway stay as it is, hour after hour?

A steady load on a gateway whose models fail one request in twenty. *Memory* is compared between the
second third of the time and the last one, when its caches are full; tasks and open sockets are
counted before the load and after it. At the end every answer that a client got must be in the ledger
once, at the cost it was told, and the budget must have been charged with all of it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp
import uvicorn
from sqlalchemy import create_engine, text

from conduit.core.budgets import NANO
from experiments.arguments import Arguments, parse_count
from experiments.gateway_contestants import (
    KEY,
    MOCK,
    conduit_settings,
    key_scope,
    make_budget,
)
from experiments.report import Check, conclude, show_table
from experiments.servers.processes import free_port, resident_megabytes, running
from experiments.soak_clients import Told, ask_steadily

NAME = "soak"
SECONDS, RATE = 1800, 40
"""How long, and requests per second."""
FAILING = 0.05
"""Share of calls that the models refuse."""
SAMPLES = 60
GROWTH = 1.0
"""Megabytes per 10,000 requests that memory may grow by, once caches are full."""
QUIET = 20.0
"""Seconds after the load in which everything must have ended: connections are kept for 15."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a process holds at one moment."""

    megabytes: float
    tasks: int
    sockets: int


@dataclass(slots=True)
class Course:
    """Counts over time, and what came of it in the end."""

    counts: list[Counts] = field(default_factory=list)
    told: Told | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the database holds in the end; money in nanodollars.

    Args:
        answers: decisions whose answer was paid for, in order, as often as it was.
        cost: of all records, failed attempts included.
        charged: to the budget.
        reserved: that is still set aside.
    """

    answers: tuple[str, ...]
    cost: int
    charged: int
    reserved: int


async def soak(settings: dict[str, str], *, seconds: float, rate: float) -> Course:
    """Serve in this process while another one asks."""
    os.environ.update(settings)
    port = free_port()
    config = uvicorn.Config(
        "conduit.api.main:app", host="127.0.0.1", port=port, access_log=False, log_level="warning"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event for that
        await asyncio.sleep(0.05)
    address = f"http://127.0.0.1:{port}/v1"
    async with aiohttp.ClientSession() as session:
        await make_budget(session, address, scope=key_scope(), limit=1e6)
    course = Course()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=ask_steadily, args=(theirs, address, KEY, seconds, rate))
    await asyncio.sleep(QUIET)
    course.counts.append(_counts())
    process.start()
    theirs.close()  # so that clients that end without a word are noticed
    try:
        while not ours.poll():
            await asyncio.sleep(seconds / SAMPLES)
            course.counts.append(_counts())
        course.told = await asyncio.to_thread(ours.recv)
    finally:
        process.join()
    await asyncio.sleep(QUIET)
    course.counts.append(_counts())
    server.should_exit = True
    await serving
    return course


def _counts() -> Counts:
    return Counts(
        megabytes=resident_megabytes(os.getpid()),
        tasks=len(asyncio.all_tasks()),
        sockets=sum(map(_is_socket, Path("/proc/self/fd").iterdir())),
    )


def _is_socket(link: Path) -> bool:
    try:
        return str(link.readlink()).startswith("socket")
    except FileNotFoundError:  # that of the listing itself
        return False


def books_of(path: Path) -> Books:
    """What a database says of all that was paid."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as conn:
        answers = conn.scalars(text("SELECT decision_id FROM costs WHERE kind = 'answer'")).all()
        cost = conn.scalar(text("SELECT coalesce(sum(cost), 0) FROM costs"))
        charged, reserved = conn.execute(
            text("SELECT coalesce(sum(settled), 0), coalesce(sum(reserved), 0) FROM spend")
        ).one()
    engine.dispose()
    return Books(answers=tuple(sorted(answers)), cost=cost or 0, charged=charged, reserved=reserved)


def checks_of(course: Course, books: Books) -> list[Check]:
    """Flat memory, nothing leaked, everything accounted for once."""
    told = course.told
    assert told is not None
    before, during, after = course.counts[0], course.counts[1:-1], course.counts[-1]
    third = len(during) // 3
    middle, last = during[third : 2 * third], during[2 * third :]
    grown = _mean_of(last) - _mean_of(middle)
    requests = max(len(told.answered) / 3, 1.0)
    twice = len(books.answers) - len(set(books.answers))
    strangers = len(set(told.answered) ^ set(books.answers))
    apart = abs(sum(told.answered.values()) - books.cost / NANO)
    return [
        Check(name="MB per 10,000 requests", value=1e4 * grown / requests, bound=GROWTH, most=True),
        Check(name="tasks left", value=after.tasks - before.tasks, bound=0, most=True),
        Check(name="sockets left", value=after.sockets - before.sockets, bound=0, most=True),
        Check(name="answers in the ledger twice", value=twice, bound=0, most=True),
        Check(name="answers on one side only", value=strangers, bound=0, most=True),
        Check(name="USD told, less the ledger's", value=apart, bound=1e-6, most=True),
        Check(
            name="USD charged to the budget, less the ledger's",
            value=abs(books.charged - books.cost) / NANO,
            bound=0,
            most=True,
        ),
        Check(name="USD still set aside", value=books.reserved / NANO, bound=0, most=True),
        Check(name="requests answered, share", value=told.share, bound=0.99),
    ]


def _mean_of(counts: Sequence[Counts]) -> float:
    return sum(it.megabytes for it in counts) / max(len(counts), 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, report, and say whether it holds."""
    arguments = parse_count(
        NAME,
        about=(__doc__ or "").partition("\n")[0],
        counts="seconds",
        default=SECONDS,
        argv=argv,
    )
    return run(arguments, rate=RATE)


def run(arguments: Arguments, *, rate: float) -> int:
    """The same at so many requests per second."""
    port = free_port()
    mock = [*MOCK, str(port), "--failing", str(FAILING)]
    with tempfile.TemporaryDirectory() as folder, running(mock, port=port) as server:
        settings = conduit_settings(Path(folder) / "soak", f"{server.address}/v1")
        course = asyncio.run(soak(settings, seconds=arguments.seeds, rate=rate))
        books = books_of(Path(settings["CONDUIT_DATABASE_PATH"]))
    assert course.told is not None
    _show(course)
    figures = {
        "counts": [asdict(it) for it in course.counts],
        "answered": len(course.told.answered),
        "statuses": course.told.statuses,
        "usd": books.cost / NANO,
    }
    return conclude(arguments, figures, checks=checks_of(course, books), held_out=None)


def _show(course: Course) -> None:
    told, some = course.told, course.counts[:: max(len(course.counts) // 10, 1)]
    assert told is not None
    rows = [
        [str(i), f"{it.megabytes:.1f}", str(it.tasks), str(it.sockets)] for i, it in enumerate(some)
    ]
    show_table("over time", ["sample", "MB", "tasks", "sockets"], rows)
    print(f"answers by status: {told.statuses}")


if __name__ == "__main__":
    sys.exit(main())
