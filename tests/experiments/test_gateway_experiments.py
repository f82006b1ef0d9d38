"""The experiments on the gateway: real servers, small loads, and verdicts that can fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from experiments.bench_gateway import BARE, DIRECT, GIVEN, LITELLM, Row, checks_of, turn_of
from experiments.gateway_contestants import MOCK, Contestant, conduit, key_scope, make_budget
from experiments.load import put_load
from experiments.servers.processes import free_port, running
from experiments.soak import Books, Counts, Course
from experiments.soak import checks_of as soak_checks
from experiments.soak_clients import Told, ask_steadily

PROMPTS = [f"Question {number}: why?" for number in range(12)]
CALM = Counts(megabytes=100.0, tasks=4, sockets=3)
TOLD = Told(answered={"a": 0.25, "b": 0.5}, statuses={200: 2})
BOOKS = Books(answers=("a", "b"), cost=750_000_000, charged=750_000_000, reserved=0)


async def test_a_gateway_is_measured_at_work(tmp_path: Path) -> None:
    """Every prompt is answered whole and in pieces, and the processor time is that of its process."""
    port = free_port()
    with (
        running([*MOCK, str(port)], port=port) as mock,
        conduit(
            tmp_path / "gateway", f"{mock.address}/v1", CONDUIT_ENCODER="hashing"
        ) as contestant,
    ):
        async with aiohttp.ClientSession() as session:
            await make_budget(session, contestant.address, scope=key_scope(), limit=1.0)
        turn = await turn_of(contestant, PROMPTS, clients=4)
        streamed = await turn_of(contestant, PROMPTS[:3], clients=1, stream=True)
        assert contestant.server.peak_megabytes > 10
    assert len(turn.load.latencies) == len(PROMPTS)
    assert turn.cpu > 0
    assert len(streamed.load.first) == 3


async def test_refusals_are_no_measurement() -> None:
    """A server that refuses a call stops the benchmark: nothing would be measured."""
    port = free_port()
    with running([*MOCK, str(port), "--failing", "1"], port=port) as mock:
        load = await put_load(f"{mock.address}/v1", PROMPTS[:2], clients=1, model="mock")
        assert load.statuses == {500: 2}
        with pytest.raises(RuntimeError, match="500"):
            await turn_of(Contestant(server=mock, model="mock"), PROMPTS[:2], clients=1)


def _row(contestant: str, clients: int, *, cpu: float, throughput: float) -> Row:
    return Row(
        contestant=contestant,
        clients=clients,
        cpu=cpu,
        cpu_se=0.0,
        throughput=throughput,
        median=1.0,
        added_p99=1.0,
        first=1.0,
    )


@pytest.mark.parametrize(
    ("cpu", "throughput", "held"), [(1.4, 900.0, 3), (1.6, 900.0, 2), (1.4, 700.0, 2)]
)
def test_the_gateway_is_judged_by_its_own_time_and_by_litellms(
    cpu: float, throughput: float, held: int
) -> None:
    """CPU per call at 32 clients and at one, and eight times LiteLLM's throughput."""
    rows = [
        _row(GIVEN, 32, cpu=cpu, throughput=throughput),
        _row(GIVEN, 1, cpu=2.0, throughput=300.0),
        _row(LITELLM, 32, cpu=13.0, throughput=100.0),
        *(
            _row(name, clients, cpu=0.1, throughput=1e3)
            for name in (DIRECT, BARE)
            for clients in (1, 32)
        ),
    ]
    assert sum(check.holds for check in checks_of(rows)) == held


def test_steady_clients_say_what_they_were_told() -> None:
    """Refused requests are counted by their status; nothing is taken for an answer that is none."""

    class Pipe:
        told: Told | None = None

        def send(self, told: Told) -> None:
            self.told = told

    port, pipe = free_port(), Pipe()
    with running([*MOCK, str(port), "--failing", "1"], port=port) as mock:
        ask_steadily(pipe, f"{mock.address}/v1", "key", 0.5, 20.0)  # type: ignore[arg-type]
    assert pipe.told == Told(answered={}, statuses={500: 10})
    assert pipe.told.share == 0.0


def _failing(counts: list[Counts], told: Told, books: Books) -> list[str]:
    checks = soak_checks(Course(counts=counts, told=told), books)
    return [check.name for check in checks if not check.holds]


def test_a_long_run_that_stays_as_it_is_holds() -> None:
    """Flat memory, nothing left behind, every answer in the books once."""
    assert _failing([CALM] * 11, TOLD, BOOKS) == []


@pytest.mark.parametrize(
    ("counts", "told", "books", "name"),
    [
        ([CALM] * 8 + [replace(CALM, megabytes=101.0)] * 3, TOLD, BOOKS, "MB per 10,000 requests"),
        ([CALM] * 10 + [replace(CALM, tasks=5)], TOLD, BOOKS, "tasks left"),
        ([CALM] * 10 + [replace(CALM, sockets=4)], TOLD, BOOKS, "sockets left"),
        ([CALM] * 11, TOLD, replace(BOOKS, answers=("a", "b", "b")), "answers in the ledger twice"),
        ([CALM] * 11, TOLD, replace(BOOKS, answers=("a",)), "answers on one side only"),
        ([CALM] * 11, TOLD, replace(BOOKS, cost=1, charged=1), "USD told, less the ledger's"),
        ([CALM] * 11, TOLD, replace(BOOKS, reserved=1), "USD still set aside"),
        ([CALM] * 11, replace(TOLD, statuses={200: 2, 502: 1}), BOOKS, "requests answered, share"),
    ],
)
def test_whatever_goes_wrong_in_a_long_run_is_named(
    counts: list[Counts], told: Told, books: Books, name: str
) -> None:
    """One fault fails one check: the one of its name."""
    assert _failing(counts, told, books) == [name]
