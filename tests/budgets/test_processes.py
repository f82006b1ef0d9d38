"""Real processes on one database: together they never overspend, and the dead hold nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conduit.budgets.ledger import Ledger
from conduit.core.budgets import Period, Scope, ScopeKind, Window
from conduit.core.clocks import ManualClock
from conduit.stores.sql import SQLStore
from tests.servers.postgres import Databases
from tests.stores.conftest import new_database

ROOT = Path(__file__).parents[2]
ANNA, TEAM = Scope(ScopeKind.USER, "anna"), Scope(ScopeKind.TEAM, "blue")
TOTAL = Window(Period.TOTAL)
NOW = 1_763_700_000.0
PRELUDE = """
import asyncio, json, random, sys
from conduit.budgets.ledger import Ledger
from conduit.core.budgets import Scope
from conduit.core.clocks import ManualClock
from conduit.core.errors import BudgetExceededError
from conduit.stores.sql import SQLStore

SCOPES = [Scope.parse("user:anna"), Scope.parse("team:blue")]

async def opened():
    store = SQLStore(sys.argv[1])
    await store.open()
    return store, Ledger(store, clock=ManualClock(float(sys.argv[2])), lease=60.0)
"""
SPENDER = """
async def call(ledger, rng):
    try:
        made = await ledger.reserve(rng.sample(SCOPES, 2), 0.05, wait=60.0)
    except BudgetExceededError as error:
        assert error.spent + error.requested > error.limit
        return 0.0
    await asyncio.sleep(rng.uniform(0, 0.01))
    return (await ledger.settle(made.id, made.amount * rng.uniform(0.1, 1.0))).cost

async def main():
    rng = random.Random(int(sys.argv[3]))
    store, ledger = await opened()
    costs = await asyncio.gather(*(call(ledger, rng) for _ in range(16)))
    print(json.dumps({"costs": costs, "granted": ledger.tally.granted}))
    await store.close()

asyncio.run(main())
"""
MORTAL = """
async def main():
    store, ledger = await opened()
    await ledger.reserve(SCOPES, 0.9, kept=True)
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture(params=("sqlite", "postgres"))
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database of every kind."""
    if request.param == "sqlite":
        return str(new_database(tmp_path / "conduit.db"))
    made: Databases = request.getfixturevalue("databases")
    return made.new()


def start(script: str, where: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PRELUDE + script, where, str(NOW), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


async def budgeted(where: str, clock: ManualClock) -> tuple[SQLStore, Ledger]:
    store = SQLStore(where)
    await store.open()
    ledger = Ledger(store, clock=clock)
    await ledger.set_budget(ANNA, TOTAL, 1.0, actor="admin")
    await ledger.set_budget(TEAM, TOTAL, 1.5, actor="admin")
    return store, ledger


async def test_four_processes_never_overspend(where: str) -> None:
    """Sixty-four calls on a dollar: the books are the sum of what they cost, and below the limit."""
    store, ledger = await budgeted(where, ManualClock(NOW))
    spenders = [start(SPENDER, where, seed) for seed in range(4)]
    said = [spender.communicate(timeout=120)[0] for spender in spenders]
    assert [spender.returncode for spender in spenders] == [0] * 4
    answers = [json.loads(answer) for answer in said]
    cost = sum(cost for answer in answers for cost in answer["costs"])
    team, anna = await ledger.standing()
    for spend in (team, anna):
        assert spend.settled == pytest.approx(cost, abs=1e-12)
        assert spend.reserved == 0.0
    assert 0.95 < anna.settled <= 1.0
    assert sum(answer["granted"] for answer in answers) >= 20
    await store.close()


async def test_a_killed_process_frees_its_money_with_its_lease(where: str) -> None:
    """What it had set aside is held until the lease ends, and then it is for others."""
    clock = ManualClock(NOW)
    store, ledger = await budgeted(where, clock)
    mortal = start(MORTAL, where)
    assert mortal.stdout is not None
    assert mortal.stdout.readline() == "ready\n"
    mortal.send_signal(signal.SIGKILL)
    mortal.communicate()
    clock.advance(59.0)
    assert [spend.reserved for spend in await ledger.standing()] == [0.9, 0.9]
    clock.advance(1.0)
    assert (await ledger.reserve([ANNA, TEAM], 1.0, wait=0.5)).amount == 1.0
    await store.close()
