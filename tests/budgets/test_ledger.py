"""The ledger: calls wait for each other within a bound, and are refused for two reasons only."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from conduit.budgets.ledger import Ledger, Tally
from conduit.core.budgets import Period, Scope, ScopeKind, Window
from conduit.core.clocks import ManualClock
from conduit.core.errors import (
    BudgetExceededError,
    ConfigurationError,
    InvalidInputError,
    ReservationTimeoutError,
    StoreError,
)
from conduit.core.spending import Claim, Reservation, ReservationState, Shortage
from conduit.stores.memory import MemoryStore
from conduit.stores.supabase import SupabaseStore

NOW = 1_763_700_000.0
MIDNIGHT = 1_763_769_600.0
ANNA = Scope(ScopeKind.USER, "anna")
DAILY = Window(Period.DAILY)


async def a_ledger(limit: float = 1.0, **more: float) -> tuple[Ledger, ManualClock]:
    clock = ManualClock(NOW)
    ledger = Ledger(MemoryStore(), clock=clock, **more)
    await ledger.set_budget(ANNA, DAILY, limit, actor="admin")
    return ledger, clock


async def figures(ledger: Ledger) -> tuple[float, float]:
    (spend,) = await ledger.standing([ANNA])
    return spend.settled, spend.reserved


async def test_a_call_waits_for_another_to_settle() -> None:
    """Its estimate does not fit; as soon as the other has settled for less, it does."""
    ledger, _ = await a_ledger()
    await ledger.reserve([ANNA], 0.9, id="a")
    second = asyncio.create_task(ledger.reserve([ANNA], 0.5, id="b"))
    await asyncio.sleep(0)
    assert not second.done()
    await ledger.settle("a", 0.2)
    assert (await second).amount == 0.5
    assert await figures(ledger) == (0.2, 0.5)


async def test_a_wait_ends_with_an_error_of_its_own() -> None:
    """Money is left but set aside: the error says by how much, and is counted apart."""
    ledger, _ = await a_ledger()
    await ledger.reserve([ANNA], 0.75)
    with pytest.raises(ReservationTimeoutError, match="user 'anna'") as caught:
        await ledger.reserve([ANNA], 0.5, wait=0.01)
    error = caught.value
    assert (error.spent, error.reserved, error.requested) == (0.0, 0.75, 0.5)
    assert (error.scope, error.window, error.resets_at) == ("user:anna", "daily", MIDNIGHT)
    assert error.waited >= 0.01
    assert ledger.tally == Tally(granted=1, timed_out=1)


async def test_a_call_that_cannot_fit_is_refused_at_once() -> None:
    """Settled spending and the estimate exceed the limit: nobody's settling would help."""
    ledger, _ = await a_ledger()
    await ledger.settle((await ledger.reserve([ANNA], 0.75)).id, 0.75)
    with pytest.raises(BudgetExceededError, match="daily budget of user 'anna'") as caught:
        await ledger.reserve([ANNA], 0.5, wait=60)
    error = caught.value
    assert (error.limit, error.spent, error.requested) == (1.0, 0.75, 0.5)
    assert error.resets_at == MIDNIGHT
    assert ledger.tally == Tally(granted=1, exceeded=1)


async def test_those_who_wait_are_refused_once_it_is_spent() -> None:
    """A call under way that settles for all it set aside ends the wait of the others."""
    ledger, _ = await a_ledger()
    await ledger.reserve([ANNA], 0.9, id="a")
    waiting = [asyncio.create_task(ledger.reserve([ANNA], 0.5)) for _ in range(3)]
    await asyncio.sleep(0)
    await ledger.settle("a", 0.9)
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(it) for it in done} == {BudgetExceededError}


async def test_a_raised_limit_ends_a_wait() -> None:
    """Whoever waits looks again when a budget is changed or removed."""
    ledger, _ = await a_ledger()
    await ledger.reserve([ANNA], 0.9)
    waiting = asyncio.create_task(ledger.reserve([ANNA], 0.5))
    await asyncio.sleep(0)
    await ledger.set_budget(ANNA, DAILY, 2.0, actor="admin")
    await waiting
    last = asyncio.create_task(ledger.reserve([ANNA], 1.5))
    await asyncio.sleep(0)
    assert await ledger.remove_budget(ANNA, DAILY, actor="admin")
    assert (await last).lines == ()


async def test_a_reservation_ends_with_its_lease() -> None:
    """A process that died holds its money no longer than that; who waits has it."""
    ledger, clock = await a_ledger(lease=60.0)
    await ledger.reserve([ANNA], 0.9)
    clock.advance(60.0)
    assert (await ledger.reserve([ANNA], 0.9, wait=5.0)).amount == 0.9
    assert await figures(ledger) == (0.0, 0.9)


class Renewing(MemoryStore):
    """Says when leases were renewed."""

    def __init__(self) -> None:
        super().__init__()
        self.renewals: asyncio.Queue[float] = asyncio.Queue()
        self.away = False

    async def renewed(self, ends_at: float) -> None:
        """Until leases were renewed to end at a moment."""
        while await self.renewals.get() != ends_at:
            continue

    async def renew(self, ids: Sequence[str], *, ends_at: float) -> None:
        """Likewise."""
        self.renewals.put_nowait(ends_at)
        if self.away:
            raise StoreError("the store is away", remedy="wait")
        await super().renew(ids, ends_at=ends_at)


async def two_processes() -> tuple[Ledger, Ledger, ManualClock, Renewing]:
    """Two ledgers on the same books, with a dollar and leases of a moment."""
    clock, store = ManualClock(NOW), Renewing()
    one, two = (Ledger(store, clock=clock, lease=0.02) for _ in range(2))
    await one.set_budget(ANNA, DAILY, 1.0, actor="admin")
    return one, two, clock, store


async def test_a_lease_is_renewed_while_its_call_goes_on() -> None:
    """However long it takes, nobody else is granted its money; settled, it is free at once."""
    one, two, clock, store = await two_processes()
    made = await one.reserve([ANNA], 1.0, kept=True)
    for _ in range(5):
        clock.advance(0.015)
        await store.renewed(clock.now() + 0.02)
        with pytest.raises(ReservationTimeoutError):
            await two.reserve([ANNA], 1.0, wait=0)
    await one.settle(made.id, 0.25)
    assert await figures(two) == (0.25, 0.0)
    assert (await two.reserve([ANNA], 0.75, wait=0)).amount == 0.75


async def test_a_lease_that_was_not_renewed_in_time_is_not_ended_by_its_owner() -> None:
    """After a sleep of the machine, who is alive renews what it holds before it frees anything."""
    ledger, clock = await a_ledger()
    await ledger.reserve([ANNA], 1.0, kept=True)
    clock.advance(901.0)
    with pytest.raises(ReservationTimeoutError):
        await ledger.reserve([ANNA], 1.0, wait=0.01)
    clock.advance(901.0)
    assert await figures(ledger) == (0.0, 1.0)


async def test_what_ended_is_renewed_no_more() -> None:
    """Neither settled nor released reservations are heard of again."""
    one, _, clock, store = await two_processes()
    settled, released, last = [await one.reserve([ANNA], 0.1, kept=True) for _ in range(3)]
    await one.settle(settled.id, 0.1)
    await one.release(released.id)
    await store.renewals.get()
    clock.advance(0.015)
    await store.renewed(clock.now() + 0.02)
    ends = {it.id: it.ends_at for it in store._accounts.reservations.values()}
    assert ends[settled.id] == ends[released.id] == NOW + 0.02
    assert ends[last.id] == clock.now() + 0.02


async def test_a_store_that_is_away_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    """A renewal that fails is said, and made by the next one."""
    one, two, clock, store = await two_processes()
    store.away = True
    await one.reserve([ANNA], 1.0, kept=True)
    await store.renewals.get()
    clock.advance(0.015)
    store.away = False
    await store.renewed(clock.now() + 0.02)
    clock.advance(0.01)
    with pytest.raises(ReservationTimeoutError):
        await two.reserve([ANNA], 1.0, wait=0)
    assert "was not renewed: the store is away" in caplog.text


async def test_less_is_set_aside_where_that_will_do() -> None:
    """The reservation says what is left; the least amount is what a refusal is about."""
    ledger, _ = await a_ledger()
    await ledger.settle((await ledger.reserve([ANNA], 0.75)).id, 0.75)
    made = await ledger.reserve([ANNA], 5.0, least=0.01)
    assert made.amount == 0.25
    with pytest.raises(ReservationTimeoutError) as caught:
        await ledger.reserve([ANNA], 5.0, least=0.01, wait=0)
    assert caught.value.requested == 0.01


async def test_a_check_says_no_and_sets_nothing_aside() -> None:
    """It goes by what is settled; what fits exactly is fine."""
    ledger, _ = await a_ledger()
    await ledger.settle((await ledger.reserve([ANNA], 0.7)).id, 0.7)
    (spend,) = await ledger.check([ANNA], 0.3)
    assert spend.remaining == pytest.approx(0.3)
    with pytest.raises(BudgetExceededError):
        await ledger.check([ANNA], 0.300000001)
    assert await ledger.check([Scope(ScopeKind.TEAM, "blue")], 9.0) == []
    assert await figures(ledger) == (0.7, 0.0)


class Slow(MemoryStore):
    """Answers a claim after it was let to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may = asyncio.Event(), asyncio.Event()

    async def claim(self, claim: Claim) -> Reservation | Shortage:
        answer = await super().claim(claim)
        self.asked.set()
        await self.may.wait()
        return answer


async def test_a_cancelled_task_leaves_nothing_set_aside() -> None:
    """The store had granted it already when the caller went away."""
    store = Slow()
    ledger = Ledger(store, clock=ManualClock(NOW))
    await ledger.set_budget(ANNA, DAILY, 1.0, actor="admin")
    task = asyncio.create_task(ledger.reserve([ANNA], 0.5))
    await store.asked.wait()
    task.cancel()
    store.may.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await figures(ledger) == (0.0, 0.0)


async def test_a_task_that_is_cancelled_twice_leaves_nothing_set_aside() -> None:
    """Who will not even wait for the release is not waited for, and the money is free."""
    store = Slow()
    ledger = Ledger(store, clock=ManualClock(NOW))
    await ledger.set_budget(ANNA, DAILY, 1.0, actor="admin")
    task = asyncio.create_task(ledger.reserve([ANNA], 0.5))
    await store.asked.wait()
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    store.may.set()
    assert await figures(ledger) == (0.0, 0.0)


async def test_a_settlement_is_done_though_its_task_is_cancelled() -> None:
    """The client went away; the money was spent."""
    ledger, _ = await a_ledger()
    await ledger.reserve([ANNA], 0.5, id="a")
    task = asyncio.create_task(ledger.settle("a", 0.4))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await figures(ledger) == (0.4, 0.0)


async def test_sixty_four_clients_on_a_dollar() -> None:
    """Slow calls at 10 to 100% of their estimate: never over, and no refusal while there is room."""
    ledger, _ = await a_ledger()
    rng = random.Random(1)

    async def one() -> BudgetExceededError | None:
        try:
            made = await ledger.reserve([ANNA], 0.05)
        except BudgetExceededError as error:
            return error
        for _ in range(rng.randrange(5)):
            await asyncio.sleep(0)
        await ledger.settle(made.id, made.amount * rng.uniform(0.1, 1.0))
        return None

    refusals = [error for error in await asyncio.gather(*(one() for _ in range(64))) if error]
    settled, reserved = await figures(ledger)
    assert (reserved, ledger.tally.timed_out) == (0.0, 0)
    assert settled <= 1.0
    assert refusals
    assert all(error.spent + error.requested > 1.0 for error in refusals)


async def test_a_release_frees_and_is_said_twice() -> None:
    """Nothing was spent; saying it again changes nothing."""
    ledger, _ = await a_ledger()
    made = await ledger.reserve([ANNA], 0.5)
    for _ in range(2):
        assert (await ledger.release(made.id)).state is ReservationState.RELEASED
    assert await figures(ledger) == (0.0, 0.0)


def test_a_store_that_keeps_no_budgets_is_refused() -> None:
    """Over REST nobody can reserve yet, and the error says what to do."""
    with pytest.raises(ConfigurationError, match="SupabaseStore; set DATABASE_URL"):
        Ledger(SupabaseStore("https://x.supabase.co", "sb_secret_x"))


@pytest.mark.parametrize("lease", [0.0, -1.0, float("nan")])
def test_a_lease_that_is_over_is_refused(lease: float) -> None:
    """A reservation must last for a while."""
    with pytest.raises(InvalidInputError, match="lease"):
        Ledger(MemoryStore(), lease=lease)
