"""Arrears: what was spent is booked once, whatever becomes of the task and of the store."""

from __future__ import annotations

import asyncio
import logging

import pytest

from conduit.budgets import arrears as module
from conduit.budgets.arrears import Arrears, Payment
from conduit.core.errors import InvalidInputError, StoreError


class Till:
    """Takes payments when it is there; each takes a turn of the loop."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.tries = 0
        self.away = False
        self.insisted, self.paid = asyncio.Event(), asyncio.Event()

    def payment(self, name: str) -> Payment:
        async def pay() -> None:
            self.tries += 1
            if self.tries == 6:
                self.insisted.set()
            await asyncio.sleep(0)
            if self.away:
                raise StoreError("the store is away", remedy="wait")
            self.taken.append(name)
            if len(self.taken) == 3:
                self.paid.set()

        return pay


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries again at once."""
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.0)


async def test_a_payment_is_made_when_it_is_asked_for() -> None:
    """Or behind the back of who asked, who need not wait."""
    till, arrears = Till(), Arrears()
    await arrears.pay(till.payment("a"))
    assert till.taken == ["a"]
    await arrears.pay_soon(till.payment("b"))
    assert till.taken == ["a"]
    await arrears.settle_up()
    assert till.taken == ["a", "b"]


async def test_a_payment_outlives_its_task() -> None:
    """Cancelled before its first step, it is made."""
    till, arrears = Till(), Arrears()
    paying = asyncio.create_task(arrears.pay(till.payment("a")))
    await asyncio.sleep(0)
    paying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying
    await arrears.settle_up()
    assert till.taken == ["a"]


async def test_what_the_store_could_not_take_is_paid_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In order, each once; nobody is told of an error, and the log says it once."""
    till, arrears = Till(), Arrears()
    till.away = True
    for name in "abc":
        await arrears.pay(till.payment(name))
    assert (till.taken, len(arrears)) == ([], 3)
    await till.insisted.wait()
    till.away = False
    await till.paid.wait()
    await arrears.settle_up()
    assert len(arrears) == 0
    assert till.taken == ["a", "b", "c"]
    assert [it.levelno for it in caplog.records] == [logging.WARNING]


async def test_an_error_of_the_payment_itself_reaches_who_made_it() -> None:
    """An amount that cannot be is no matter of waiting."""

    async def wrong() -> None:
        raise InvalidInputError("a cost of $-1 cannot be")

    with pytest.raises(InvalidInputError):
        await Arrears().pay(wrong)


async def test_what_can_never_be_paid_holds_up_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is dropped, the log says how much, and those behind it are booked."""
    till, arrears = Till(), Arrears()

    async def impossible() -> None:
        if till.away:
            raise StoreError("the store is away", remedy="wait")
        raise InvalidInputError("a cost of $5e+06 cannot be")

    till.away = True
    await arrears.pay_soon(impossible, amount=5e6)
    await arrears.pay(till.payment("a"))
    till.away = False
    await arrears.settle_up()
    assert (till.taken, len(arrears)) == (["a"], 0)
    (lost,) = [it.getMessage() for it in caplog.records if it.levelno == logging.ERROR]
    assert lost == "a cost is lost, of $5000000: a cost of $5e+06 cannot be"


async def test_nobody_waits_for_what_can_never_be_paid(caplog: pytest.LogCaptureFixture) -> None:
    """Behind the back of all, the log alone is told; no task is left with an error."""
    arrears = Arrears()

    async def impossible() -> None:
        raise InvalidInputError("a cost of $-1 cannot be")

    await arrears.pay_soon(impossible, amount=-1.0)
    await arrears.settle_up()
    assert "a cost is lost, of $-1" in caplog.text


async def test_too_many_at_once_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what nobody waits for does not pile up."""
    monkeypatch.setattr(module, "AT_ONCE", 1)
    till, arrears = Till(), Arrears()
    await arrears.pay_soon(till.payment("a"))
    await arrears.pay_soon(till.payment("b"))
    assert till.taken == ["a", "b"]


async def test_what_is_lost_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With a store that does not come back: how much, at the end, and what found no room."""
    monkeypatch.setattr(module, "MOST", 2)
    till, arrears = Till(), Arrears()
    till.away = True
    for name in "abc":
        await arrears.pay(till.payment(name))
    assert "a cost is lost" in caplog.text
    with pytest.raises(StoreError, match="2 costs could not be booked: the store is away; wait"):
        await arrears.settle_up()


def test_what_a_loop_still_owes_the_next_one_pays() -> None:
    """A store that was away until a loop ended is paid in the next, at its first payment or at the end."""
    for settling in (False, True):
        till, arrears = Till(), Arrears()
        till.away = True
        asyncio.run(arrears.pay_soon(till.payment("a")))
        assert (till.taken, len(arrears)) == ([], 1)
        till.away = False

        async def go_on(
            till: Till = till, arrears: Arrears = arrears, end: bool = settling
        ) -> None:
            if end:
                await arrears.settle_up()
                return
            await arrears.pay_soon(till.payment("b"))
            await arrears.pay_soon(till.payment("c"))
            await till.paid.wait()

        asyncio.run(asyncio.wait_for(go_on(), 20))
        assert sorted(till.taken) == (["a"] if settling else ["a", "b", "c"])
        assert len(arrears) == 0
