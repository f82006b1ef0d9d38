"""The race for a dollar: a small one holds, and what would be wrong is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.budget_race import checks_of, race
from experiments.race_books import Race
from experiments.race_clients import Lap, RefusedError, run_clients

GOOD = Race(
    where="here",
    spent=0.99,
    reserved=0.0,
    billed=0.99,
    recorded=0.99,
    records=7,
    early=0.1,
    late=0.1,
    seconds=1.0,
    lap=Lap(answered=7, exceeded=2),
)


@pytest.mark.parametrize(
    ("face", "processes"), [("router", 2), ("gateway", 1), ("simple", 2), ("session", 1)]
)
def test_a_small_race_holds(face: str, processes: int, tmp_path: Path) -> None:
    """Twelve clients on SQLite: two routers, a gateway, llm() in two processes, and a session."""
    file = str(tmp_path / "race.db")
    found = race("SQLite", file, processes, face=face, clients=12, cap=0.25)
    assert [str(check) for check in checks_of(found) if not check.holds] == []
    assert found.lap.exceeded == 12
    assert 0.95 * 0.25 < found.spent <= 0.25


@pytest.mark.parametrize(
    "wrong",
    [
        {"spent": 1.000000001, "billed": 1.000000001, "recorded": 1.000000001},
        {"spent": 0.5, "billed": 0.5, "recorded": 0.5},
        {"billed": 0.990000001},
        {"recorded": 0.989999999},
        {"records": 8},
        {"reserved": 1e-9},
        {"lap": Lap(answered=7, exceeded=2, unjust=1)},
        {"lap": Lap(answered=7, others=(("OSError: x", 1),))},
    ],
)
def test_whatever_is_wrong_with_the_books_is_seen(wrong: dict[str, object]) -> None:
    """A nanodollar over, lost or counted twice, and a refusal that should not be."""
    assert all(check.holds for check in checks_of(GOOD))
    assert not all(check.holds for check in checks_of(replace(GOOD, **wrong)))  # type: ignore[arg-type]


async def test_clients_call_until_the_money_is_spent() -> None:
    """A wait that ended is no reason to stop; any other error is one, and is kept."""

    async def call(number: int) -> None:
        client, turn = divmod(number, 10)
        if client == 0 and turn == 3:
            raise RefusedError(final=True, just=True)
        if client == 1 and turn == 2:
            raise RefusedError(final=False, just=False)
        if client == 2:
            raise OSError("gone")

    lap = await run_clients(call, 3, most=10)
    assert lap == Lap(
        answered=3 + 9, exceeded=1, timed_out=1, unjust=1, others=(("OSError: gone", 1),)
    )
