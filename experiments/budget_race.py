"""Does a cap of a dollar hold while many clients spend it at once?

64 clients make slow calls on one account until they are refused; the models bill a random 10 to 100% of what was
set aside. On SQLite with one process and with four, and on PostgreSQL with four. The books must be what the
models billed, to the nanodollar, and within the cap; every call must be on record once; and nobody may be refused but
because settled spending leaves too little, or because the wait for others ended.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from uuid import uuid4

from conduit.core.budgets import NANO, Scope, nanos
from conduit.stores import migrate
from experiments import race_gateway, race_router, race_simple
from experiments.arguments import Arguments, parse_count
from experiments.race_books import CAP, Race, audited, prepared
from experiments.race_clients import Call, Lap, added, run_clients
from experiments.race_gateway import gateway_face
from experiments.race_router import RandomBiller, router_face
from experiments.race_simple import session_face, simple_face
from experiments.report import Check, conclude, show_table
from experiments.servers.postgres import postgres
from experiments.side_by_side import together

NAME = "budget_race"
CLIENTS = 64
MOST = 1000
"""Calls of one client, should nothing refuse it."""
SPENT = 0.95
"""Of the cap that has to be spent, else it was not put to the test."""


@dataclass(frozen=True, slots=True)
class Face:
    """Something that is called.

    Args:
        opened: opens it on a database, with the models behind it, and gives what makes a call.
        account: that pays; None for one that it makes itself, with the cap as its budget.
        threads: clients of every process, where they are threads; None shares them out.
    """

    opened: Callable[[str, RandomBiller, float], AbstractAsyncContextManager[Call]]
    account: Scope | None
    threads: int | None = None


def _capped(
    opened: Callable[[str, RandomBiller], AbstractAsyncContextManager[Call]],
) -> Callable[[str, RandomBiller, float], AbstractAsyncContextManager[Call]]:
    """A face of an account that has its budget already."""
    return lambda address, biller, _: opened(address, biller)


FACES: Mapping[str, Face] = MappingProxyType(
    {
        "router": Face(_capped(router_face), race_router.ACCOUNT),
        "gateway": Face(_capped(gateway_face), race_gateway.ACCOUNT),
        "simple": Face(_capped(simple_face), race_simple.ACCOUNT, threads=race_simple.THREADS),
        "session": Face(session_face, None, threads=race_simple.THREADS),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What each of the processes runs.

    Args:
        address: of the database.
        face: that is called.
        clients: of one process.
        cap: USD.
    """

    address: str
    face: str
    clients: int
    cap: float


def race(
    where: str, address: str, processes: int, *, face: str, clients: int, cap: float = CAP
) -> Race:
    """Let clients spend a new budget on a new database."""
    migrate.up(address)
    account = FACES[face].account
    if account is not None:
        asyncio.run(prepared(address, account, cap))
    began = monotonic()
    lane = Lane(address=address, face=face, clients=clients // processes, cap=cap)
    said = together(processes, _run, lane)
    seconds = monotonic() - began
    billed = sum(nanodollars for nanodollars, _ in said) / NANO
    lap = added([lap for _, lap in said])
    found = Race(where=where, cap=cap, billed=billed, seconds=seconds, lap=lap)
    return asyncio.run(audited(found, address))


async def _run(start: Barrier, number: int, lane: Lane) -> tuple[int, Lap]:
    biller = RandomBiller(number)
    async with FACES[lane.face].opened(lane.address, biller, lane.cap) as call:
        await asyncio.to_thread(start.wait)
        lap = await run_clients(call, lane.clients, most=MOST)
    return biller.billed, lap


def races(arguments: Arguments) -> list[Race]:
    """All of them, each as often as asked."""
    found = []
    face = arguments.choice
    for turn in range(arguments.seeds):
        with tempfile.TemporaryDirectory() as folder:
            for processes in _processes(face):
                file = str(Path(folder) / f"race{processes}.db")
                where = f"{turn + 1}. SQLite, {processes}"
                clients = _clients(arguments, processes)
                found.append(race(where, file, processes, face=face, clients=clients))
        if 4 not in _processes(face):
            continue
        with postgres() as server:
            address = server.create(f"race_{uuid4().hex}")
            where, clients = f"{turn + 1}. PostgreSQL, 4", _clients(arguments, 4)
            found.append(race(where, address, 4, face=face, clients=clients))
    return found


def _processes(face: str) -> tuple[int, ...]:
    """In which a race is run; what makes its own account lives in one."""
    return (1,) if FACES[face].account is None else (1, 4)


def _clients(arguments: Arguments, processes: int) -> int:
    """Of all processes together."""
    threads = FACES[arguments.choice].threads
    return arguments.size if threads is None else threads * processes


def checks_of(found: Race) -> list[Check]:
    """What one race must show."""
    books, bill, records = (
        nanos(usd, what="a sum") for usd in (found.spent, found.billed, found.recorded)
    )
    none = [
        ("nanodollars between books and bills", abs(books - bill)),
        ("nanodollars between books and records", abs(books - records)),
        ("calls not on record once", abs(found.records - found.lap.answered)),
        ("USD still set aside", found.reserved),
        ("refusals without a reason", found.lap.unjust),
        ("other refusals", found.lap.refused_otherwise),
    ]
    return [
        Check(name=f"{found.where}: USD spent", value=found.spent, bound=found.cap, most=True),
        Check(name=f"{found.where}: USD spent", value=found.spent, bound=SPENT * found.cap),
        *(
            Check(name=f"{found.where}: {name}", value=float(value), bound=0.0, most=True)
            for name, value in none
        ),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Race, report, and say whether the cap held."""
    arguments = parse_count(
        NAME,
        about=(__doc__ or "").partition("\n")[0],
        counts="rounds",
        default=3,
        size=CLIENTS,
        choice=("face", tuple(FACES)),
        argv=argv,
    )
    found = races(arguments)
    show_table(
        f"{_clients(arguments, 1)} clients, ${CAP:.2f}, --face {arguments.choice}",
        [
            "round, database, processes",
            "spent",
            "calls",
            "exceeded",
            "timed out",
            "early $",
            "late $",
            "s",
        ],
        [
            [
                it.where,
                f"{it.spent:.9f}",
                str(it.lap.answered),
                str(it.lap.exceeded),
                str(it.lap.timed_out),
                f"{it.early:.6f}",
                f"{it.late:.6f}",
                f"{it.seconds:.1f}",
            ]
            for it in found
        ],
    )
    for it in found:
        for said, count in it.lap.others:
            print(f"{it.where}: {count} x {said}")
    figures = {"races": [asdict(it) for it in found]}
    checks = [check for it in found for check in checks_of(it)]
    return conclude(arguments, figures, checks=checks, held_out=None)


if __name__ == "__main__":
    sys.exit(main())
