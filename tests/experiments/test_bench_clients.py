"""The benchmark of clients: what is called, what is counted, and when it is not believed."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from conduit.core.outcomes import Delta, ModelReply
from conduit.providers.openai_chat import OpenAIChatClient
from experiments.bench_clients import (
    AT_ONCE,
    MOST,
    OURS,
    Costs,
    calls_to,
    check_answered,
    checks_of,
    cost_of,
    main,
    measure,
)
from experiments.model_server import TEXT, WORDS, ModelServer


async def test_server_answers_in_full() -> None:
    """The server of the benchmark is one that a client takes for real, whole and streamed."""
    with ModelServer() as server:
        client = OpenAIChatClient(api_keys={})
        for call in calls_to(server.url, {OURS: client}).values():
            await call()
        await client.aclose()


def test_an_answer_that_is_none_stops_it() -> None:
    """A call that was not answered is never counted as a cheap one."""
    check_answered(ModelReply(text=TEXT, output_tokens=WORDS))
    for other in (None, Delta(text=TEXT), ModelReply(text="Four.", output_tokens=WORDS)):
        with pytest.raises(AssertionError):
            check_answered(other)


async def test_only_work_counts() -> None:
    """Processor time counts, and waiting does not."""

    async def work() -> None:
        until = time.process_time() + 0.002
        while time.process_time() < until:
            pass

    async def wait() -> None:
        await asyncio.sleep(0.002)

    assert await cost_of(work, calls=8, at_once=2) >= 2.0
    assert await cost_of(wait, calls=8, at_once=2) < 2.0


async def test_every_contestant_in_every_round() -> None:
    """All are called equally often in every round, and the first round does not count."""
    calls = dict.fromkeys("ab", 0)

    def counting(name: str):  # type: ignore[no-untyped-def]
        async def call() -> None:
            calls[name] += 1

        return call

    costs = await measure({name: counting(name) for name in calls}, rounds=3, size=32)
    assert {key: len(values) for key, values in costs.items()} == {
        (name, at_once): 3 for name in "ab" for at_once in AT_ONCE
    }
    assert calls == dict.fromkeys("ab", 32 * len(AT_ONCE) * 4)


def test_what_must_hold() -> None:
    """The median decides, at every number of calls at once."""
    costs: Costs = {(OURS, at_once): [MOST / 2, MOST / 2, 9.0] for at_once in AT_ONCE}
    assert [check.holds for check in checks_of(costs)] == [True, True]
    costs[OURS, 1] = [MOST * 2, MOST * 2, 0.0]
    assert [check.holds for check in checks_of(costs)] == [False, True]


def test_the_command(tmp_path: Path) -> None:
    """A run leaves its figures in a file, of every contestant, and a verdict."""
    out = tmp_path / "figures.json"
    status = main(["--rounds", "2", "--size", "2", "--json", str(out)])
    figures = json.loads(out.read_text())
    assert len(figures["costs_ms"]) == 10
    assert status == (0 if all(check["holds"] for check in figures["checks"]) else 1)
