"""A house and a machine of a test's own, and what its ledger says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from conduit.core.costs import CostRecord
from conduit.engines.router import Router
from conduit.settings import SETTINGS
from conduit.simple.house import House
from conduit.simple.providers.account import Account
from conduit.simple.providers.exchange import planned

T = TypeVar("T")


@contextmanager
def own_house(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    *,
    of: str = "conduit.simple.providers.exchange",
) -> Iterator[House]:
    """A house that nobody else uses, for one module, on a machine without settings."""
    for setting in SETTINGS:
        for variable in setting.variables:
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("CONDUIT_DATA_DIR", str(folder / "data"))
    monkeypatch.setenv("CONDUIT_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setenv("CONDUIT_ENCODER", "hashing")
    monkeypatch.setenv("CONDUIT_NUM_RETRIES", "0")
    monkeypatch.setenv("CONDUIT_APP_RETRIES", "0")
    monkeypatch.chdir(folder)
    home = House()
    monkeypatch.setattr(f"{of}.house", lambda: home)
    try:
        yield home
    finally:
        home.close()


def on_desk(home: House, account: Account, work: Callable[[Router], Awaitable[T]]) -> T:
    """What some work with an account's router comes to."""
    _, plan = planned(account)

    async def done() -> T:
        async with home.lent(plan) as desk:
            return await work(desk.router)

    return home.background.run(done())


def booked(home: House, account: Account) -> list[CostRecord]:
    """What the ledger that an account pays from has on record, the earliest first."""

    async def read(router: Router) -> list[CostRecord]:
        return [*(await (await router.ledger()).records(limit=1000)).records]

    return sorted(on_desk(home, account, read), key=lambda record: record.at)
