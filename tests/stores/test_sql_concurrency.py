"""Many tasks and processes on one database: nothing is lost and nothing is folded twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from conduit.core.errors import UnknownDecisionError
from conduit.core.outcomes import Head, Observation, Signal
from conduit.core.ports import Store
from conduit.stores import sql_observing
from conduit.stores.delta import ObservationKey
from conduit.stores.sql import SQLStore
from conduit.stores.sql_address import parse_address
from conduit.stores.sql_codec import observation_row
from conduit.stores.sql_dialect import make_engine
from conduit.stores.sql_schema import observations
from tests.servers.postgres import Databases
from tests.stores.builders import (
    ARMS,
    a_decision,
    an_execution,
    an_observation,
    assert_equal_statistics,
    batch,
)

ROOT = Path(__file__).parents[2]
RATED = (ARMS[0], "quality")

WRITER = """
import asyncio, sys
from conduit.stores.sql import SQLStore
from tests.stores.builders import a_decision, an_observation

async def main(where, first, last):
    store = SQLStore(where)
    await store.open()
    for number in range(first, last):
        await store.add_decision(a_decision(number))
        await store.observe([an_observation(number, 0.1)])
        await store.observe([an_observation(number, number / 100)])
        if number % 3 == 0:
            await store.fold()
    print("ready", flush=True)
    if sys.argv[4] == "wait":
        await asyncio.sleep(600)
    await store.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def _process(where: str, first: int, last: int, then: str = "close") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, where, str(first), str(last), then]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


async def test_tasks_that_write_at_once_lose_nothing(store: Store) -> None:
    """Sixty tasks that decide, observe, correct and fold end at the batch statistics."""

    async def one(number: int) -> None:
        await store.add_decision(a_decision(number))
        await store.add_execution(an_execution(number))
        await store.observe([an_observation(number, 0.5)])
        await store.observe([an_observation(number, number / 100)])
        await store.fold()

    await asyncio.gather(*map(one, range(1, 61)))
    state = await store.load()
    assert_equal_statistics(
        state.statistics[RATED], batch((number, number / 100, 1.0) for number in range(1, 61))
    )
    assert await store.count() == 60


async def test_the_same_append_by_many_at_once_is_one(store: Store) -> None:
    """Writers that append the same decisions and attempts leave one of each."""
    numbers = range(1, 9)
    decided, tried = [a_decision(it) for it in numbers], [an_execution(it) for it in numbers]
    await asyncio.gather(*[store.append(decided[::step], tried) for step in [1, -1] * 6])
    for number in numbers:
        assert await store.executions(a_decision(number).id) == (an_execution(number),)


async def test_equal_observations_at_once_are_one(store: Store) -> None:
    """Of many tasks with the same observation, one is told that it changed something."""
    await store.add_decision(a_decision())
    answers = await asyncio.gather(*[store.observe([an_observation()]) for _ in range(20)])
    assert sorted(map(len, answers)) == [0] * 19 + [1]
    assert (await store.load()).statistics[RATED].count == 1


async def test_a_failure_among_writes_that_share_a_commit_stays_alone(store: Store) -> None:
    """A bad write fails its own task and none of those it was committed with."""
    await store.add_decision(a_decision(1))
    await store.add_decision(a_decision(2))
    answers = await asyncio.gather(
        *[store.observe([an_observation(number)]) for number in (1, 99, 2, 98)],
        return_exceptions=True,
    )
    kinds = [type(answer) for answer in answers]
    assert kinds == [tuple, UnknownDecisionError, tuple, UnknownDecisionError]
    assert (await store.fold()).count == 2


async def test_a_cancelled_task_leaves_its_write_whole(sql: SQLStore) -> None:
    """Each cancelled observation is there with its pending row, or not there at all."""
    order = random.Random(1)
    for number in range(1, 41):
        await sql.add_decision(a_decision(number))
    tasks = [asyncio.create_task(sql.observe([an_observation(number)])) for number in range(1, 41)]
    await asyncio.sleep(0.003)
    for task in order.sample(tasks, 20):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    kept = await sql.count()
    assert 20 <= kept <= 40
    assert (await sql.load()).statistics[RATED].count == kept


async def test_two_stores_on_one_database_see_each_other(where: str) -> None:
    """What one observes, the other folds; versions grow in step."""
    one, other = SQLStore(where), SQLStore(where)
    await asyncio.gather(one.open(), other.open())
    await one.add_decision(a_decision())
    await other.observe([an_observation(value=0.4)])
    folded = await asyncio.gather(one.fold(), other.fold())
    assert sum(done.count for done in folded) == 1
    assert (await one.load()).version == (await other.load()).version
    await one.close()
    await other.close()


async def test_two_processes_lose_nothing(where: str) -> None:
    """Two processes that write and fold at once end at the batch statistics of both."""
    writers = [_process(where, 1, 31), _process(where, 31, 61)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    for writer in writers:
        writer.communicate()
    store = SQLStore(where)
    await store.open()
    state = await store.load()
    assert_equal_statistics(
        state.statistics[RATED], batch((number, number / 100, 1.0) for number in range(1, 61))
    )
    await store.close()


def test_processes_that_open_a_new_database_migrate_it_once(bare: str) -> None:
    """Opening at the same moment, none fails and each finds the schema."""
    writers = [_process(bare, first, first + 2) for first in (1, 3)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    for writer in writers:
        writer.communicate()


async def test_a_killed_process_loses_nothing(where: str) -> None:
    """After SIGKILL between observe and fold, the next open folds what was acknowledged."""
    writer = _process(where, 1, 9, "wait")
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    store = SQLStore(where)
    await store.open()
    assert (await store.fold()).count == 0
    assert_equal_statistics(
        (await store.load()).statistics[RATED],
        batch((number, number / 100, 1.0) for number in range(1, 9)),
    )
    await store.close()


async def test_a_crash_inside_a_fold_undoes_it(
    sql: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums, pending rows and version move together or not at all."""
    await sql.add_decision(a_decision())
    await sql.observe([an_observation()])
    version = (await sql.load()).version
    await sql.observe([an_observation(value=0.1)])
    with monkeypatch.context() as patch:
        patch.setattr("conduit.stores.sql_learning.delete", _crash)
        with pytest.raises(ZeroDivisionError):
            await sql.fold()
    state = await sql.load()
    assert state.version == version + 1
    assert_equal_statistics(state.statistics[RATED], batch([(1, 0.1, 1.0)]))


def _crash(*_: object) -> None:
    raise ZeroDivisionError


async def test_more_than_one_chunk_folds_to_the_end(sql: SQLStore) -> None:
    """One call folds everything, in transactions of bounded size."""
    await asyncio.gather(*[sql.add_decision(a_decision(number)) for number in range(1, 131)])
    await sql.observe(
        [
            an_observation(number, 0.5, arm=arm, signal=signal)
            for number in range(1, 131)
            for arm in ARMS
            for signal in (Signal.RATING, Signal.RETRY)
        ]
    )
    assert (await sql.fold()).count == 1300
    statistics = (await sql.load()).statistics
    once = [(number, 0.5, 1.0) for number in range(1, 131)]
    for arm in ARMS:
        assert_equal_statistics(statistics[arm, "quality"], batch(once + once))


async def test_known_and_new_observations_race_with_new_ones(where: str) -> None:
    """Calls that mix what is kept with what another process inserts meanwhile all succeed, once."""
    one, other = SQLStore(where), SQLStore(where)
    await asyncio.gather(one.open(), other.open())
    numbers = range(1, 40)
    for number in numbers:
        await one.add_decision(a_decision(number))
    await one.observe([an_observation(number, 0.1) for number in numbers])
    cost = {"signal": Signal.COST, "head": Head.LOG_COST}
    done = await asyncio.gather(
        *(one.observe([an_observation(n, 0.1), an_observation(n, -7.0, **cost)]) for n in numbers),
        *(other.observe([an_observation(n, -7.0, **cost)]) for n in numbers),
    )
    assert sum(len(changes) for changes in done) == len(numbers)
    assert await one.count() == 2 * len(numbers)
    await asyncio.gather(one.close(), other.close())


async def test_an_observation_that_appears_meanwhile_is_known(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process commits between the look at what is kept and the insert is no error."""
    where = databases.new()
    store, engine = SQLStore(where), make_engine(parse_address(where))
    await store.open()
    await store.add_decision(a_decision())
    await store.observe([an_observation(value=0.1)])
    late = an_observation(value=-7.0, signal=Signal.COST, head=Head.LOG_COST)
    looked, looks = sql_observing._kept, []

    def kept(conn: Connection, ids: Sequence[str]) -> dict[ObservationKey, Observation]:
        found = looked(conn, ids)
        if not looks:
            with engine.begin() as beside:
                beside.execute(insert(observations), observation_row(late))
        looks.append(len(found))
        return found

    monkeypatch.setattr(sql_observing, "_kept", kept)
    assert await store.observe([an_observation(value=0.1), late]) == ()
    assert (looks, await store.count()) == ([1, 2], 2)
    await store.close()
    engine.dispose()
