"""What does the gateway cost per call, beside LiteLLM's proxy and a bare pass-through?

All of them stand in front of one mocked model on loopback and take turns, with distinct recorded
prompts, at 32 clients and at one. *CPU* is the processor time of the gateway's own process per call.
Conduit routes among three models, logs every decision in SQLite, and keeps a budget; its features are
computed beforehand, or by its encoder as prompts come. *Added* is latency beyond that of asking the
model server itself. Clients, model server and gateways share the machine's cores.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import aiohttp
import numpy as np

from experiments.arguments import Arguments, parse
from experiments.gateway_contestants import (
    BARE,
    DIRECT,
    ENCODING,
    GIVEN,
    LITELLM,
    PEERS,
    Contestant,
    contestants,
    key_scope,
    make_budget,
)
from experiments.load import Load, put_load
from experiments.recorded import PARETOBANDIT, stream_part
from experiments.report import Check, conclude, mean_and_error, show_table

NAME = "bench_gateway"
MANY, ONE = 32, 1
REQUESTS = {MANY: 256, ONE: 64}
"""Requests of one turn, by clients."""
STREAMS = 32
CPU = {MANY: 1.5, ONE: 2.5}
"""Milliseconds of processor time per call that are allowed, by clients."""
FASTER = 8.0
"""Times LiteLLM's throughput that is asked for."""
LONGEST = 4_000
"""Characters of a prompt, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of one contestant.

    Args:
        load: what clients met with.
        cpu: milliseconds of processor time per call.
    """

    load: Load
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All turns of a contestant with so many clients; milliseconds, but for the throughput.

    Args:
        cpu: per call, median over turns; ``cpu_se`` the standard error of their mean.
        throughput: calls per second, median over turns.
        median: of the latency of all calls.
        added_p99: 99th percentile of it, less the median of the model server itself.
        first: median time to the first piece of a stream; NaN with many clients.
    """

    contestant: str
    clients: int
    cpu: float
    cpu_se: float
    throughput: float
    median: float
    added_p99: float
    first: float


Turns = dict[tuple[str, int], list[Turn]]


async def turn_of(
    contestant: Contestant, prompts: Sequence[str], *, clients: int, stream: bool = False
) -> Turn:
    """Have a contestant answer some prompts.

    Raises:
        RuntimeError: where any was refused: nothing would be measured then.
    """
    before = contestant.server.cpu
    load = await put_load(
        contestant.address,
        prompts,
        clients=clients,
        model=contestant.model,
        key=contestant.key,
        stream=stream,
    )
    if set(load.statuses) != {200}:
        raise RuntimeError(f"{contestant.address} answered {dict(load.statuses)}")
    spent = contestant.server.cpu - before
    return Turn(load=load, cpu=1e3 * spent / len(prompts))


async def measure(
    found: Mapping[str, Contestant], prompts: Sequence[str], *, rounds: int
) -> tuple[Turns, dict[str, list[float]]]:
    """Turns of every contestant, and times to the first pieces of streams."""
    await _prepare(found, prompts)
    turns: Turns = defaultdict(list)
    first: dict[str, list[float]] = defaultdict(list)
    rng = np.random.default_rng(0)
    for number in range(rounds):
        some = np.roll(np.array(prompts, dtype=object), -number * REQUESTS[MANY]).tolist()
        for clients, requests in REQUESTS.items():
            for name in rng.permutation([*found]).tolist():
                turn = await turn_of(found[name], some[:requests], clients=clients)
                turns[name, clients].append(turn)
        for name in rng.permutation([*found]).tolist():
            turn = await turn_of(found[name], some[:STREAMS], clients=ONE, stream=True)
            first[name] += turn.load.first
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return turns, first


async def _prepare(found: Mapping[str, Contestant], prompts: Sequence[str]) -> None:
    """Budgets are set, features are computed, and everybody has answered before."""
    async with aiohttp.ClientSession() as session:
        for name in (GIVEN, ENCODING):
            await make_budget(session, found[name].address, scope=key_scope(), limit=1e6)
        await put_load(found[GIVEN].address, prompts, clients=4, model="auto", key=found[GIVEN].key)
    for contestant in found.values():
        await turn_of(contestant, prompts[:MANY], clients=4)
        await turn_of(contestant, prompts[:4], clients=1, stream=True)


def rows_of(turns: Turns, first: Mapping[str, Sequence[float]]) -> list[Row]:
    """Medians over turns and calls."""
    rows = []
    for (name, clients), some in turns.items():
        direct = np.median(_latencies(turns[DIRECT, clients]))
        latencies = _latencies(some)
        rows.append(
            Row(
                contestant=name,
                clients=clients,
                cpu=float(np.median([turn.cpu for turn in some])),
                cpu_se=mean_and_error([turn.cpu for turn in some])[1],
                throughput=float(
                    np.median([len(turn.load.latencies) / turn.load.seconds for turn in some])
                ),
                median=1e3 * float(np.median(latencies)),
                added_p99=1e3 * float(np.quantile(latencies, 0.99) - direct),
                first=1e3 * float(np.median(first[name])) if clients == ONE else float("nan"),
            )
        )
    return rows


def _latencies(turns: Sequence[Turn]) -> list[float]:
    return [seconds for turn in turns for seconds in turn.load.latencies]


def checks_of(rows: Sequence[Row]) -> list[Check]:
    """Processor time with features given, and throughput beside LiteLLM's."""
    by = {(row.contestant, row.clients): row for row in rows}
    checks = [
        Check(
            name=f"CPU per call at {clients}, ms",
            value=by[GIVEN, clients].cpu,
            bound=bound,
            most=True,
        )
        for clients, bound in CPU.items()
    ]
    if (LITELLM, MANY) in by:
        ratio = by[GIVEN, MANY].throughput / by[LITELLM, MANY].throughput
        checks.append(Check(name="times litellm's throughput", value=ratio, bound=FASTER))
    return checks


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, report, and say whether it holds."""
    arguments = parse(NAME, about=(__doc__ or "").partition("\n")[0], seeds=5, argv=argv)
    return run(arguments, prompts_of(arguments), peers=PEERS)


def run(arguments: Arguments, prompts: Sequence[str], *, peers: Path | None) -> int:
    """The same on given prompts, with LiteLLM's proxy or without."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contestants(Path(folder), peers=peers) as found,
    ):
        turns, first = asyncio.run(measure(found, prompts, rounds=arguments.seeds))
        memory = {name: one.server.peak_megabytes for name, one in found.items()}
    rows = rows_of(turns, first)
    _show(rows, memory)
    figures = {"rows": [asdict(row) for row in rows], "peak_megabytes": memory}
    return conclude(arguments, figures, checks=checks_of(rows), held_out=None)


def prompts_of(arguments: Arguments) -> list[str]:
    """Distinct recorded prompts; never held ones."""
    outcomes, _ = stream_part(PARETOBANDIT, replace(arguments, held_out=False))
    return [text for text in dict.fromkeys(outcomes.texts) if len(text) <= LONGEST]


def _show(rows: Sequence[Row], memory: Mapping[str, float]) -> None:
    order = [DIRECT, BARE, GIVEN, ENCODING, LITELLM]
    for clients in REQUESTS:
        some = [row for row in rows if row.clients == clients]
        show_table(
            f"{clients} clients, milliseconds",
            ["gateway", "CPU", "± s.e.", "calls/s", "median", "p99 added", "first piece", "MB"],
            [
                [
                    row.contestant,
                    f"{row.cpu:.2f}",
                    f"{row.cpu_se:.2f}",
                    f"{row.throughput:.0f}",
                    f"{row.median:.2f}",
                    f"{row.added_p99:.2f}",
                    "" if row.clients > ONE else f"{row.first:.2f}",
                    f"{memory[row.contestant]:.0f}",
                ]
                for row in sorted(some, key=lambda row: order.index(row.contestant))
            ],
        )


if __name__ == "__main__":
    sys.exit(main())
