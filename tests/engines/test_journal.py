"""The journal: in order, in batches, never in the way, and patient with a store out of reach."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conduit.core.decisions import Decision
from conduit.core.errors import ConfigurationError, StoreError, UnknownDecisionError
from conduit.core.outcomes import Change, Execution, Head, Observation
from conduit.core.ports import Store
from conduit.engines import journal as module
from conduit.engines.journal import Journal
from conduit.engines.journal_entries import Discount
from conduit.stores.memory import MemoryStore
from conduit.stores.sql import SQLStore
from tests.stores.builders import ARMS, a_decision, an_execution, an_observation
from tests.stores.conftest import DATABASES, Maker, makers, new_database

__all__ = ["makers"]


class Flaky(MemoryStore):
    """A store that can be out of reach, and takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.batches: list[int] = []
        self.refused, self.written = asyncio.Event(), asyncio.Event()

    async def append(self, decisions: Sequence[Decision], executions: Sequence[Execution]) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        if self.down:
            self.refused.set()
            raise StoreError("the database is out of reach", remedy="wait")
        self.batches.append(len(decisions) + len(executions))
        await super().append(decisions, executions)
        self.written.set()

    async def observe(self, observations: Sequence[Observation]) -> tuple[Change, ...]:
        if self.down:
            raise StoreError("the database is out of reach", remedy="wait")
        return await super().observe(observations)


class Counting(MemoryStore):
    """A database, as far as a journal can tell, that counts how often it is written to."""

    shared = True

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, int]] = []

    async def append(self, decisions: Sequence[Decision], executions: Sequence[Execution]) -> None:
        self.calls.append(("append", len(decisions) + len(executions)))
        await super().append(decisions, executions)

    async def observe(self, observations: Sequence[Observation]) -> tuple[Change, ...]:
        self.calls.append(("observe", len(observations)))
        return await super().observe(observations)

    async def discount(self, arm: str, head: Head, *, worth: float) -> None:
        self.calls.append(("discount", 1))
        await super().discount(arm, head, worth=worth)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return new_database(tmp_path / "conduit.db")


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.002)


async def test_a_store_that_need_not_wait_has_it_at_once() -> None:
    """With everything in memory, what was entered is there when entering returns."""
    store = MemoryStore()
    journal = Journal(store)
    await journal.enter(a_decision())
    assert (await store.decision(a_decision().id)).id == a_decision().id
    assert len(journal) == 0
    await journal.close()


async def test_what_requests_enter_in_turn_is_written_in_two_steps() -> None:
    """Side by side, requests alternate between decisions and observations: each kind is written at once,
    but never past a discount, which is about what was observed before it."""
    store = Counting()
    journal = Journal(store)
    for number in range(1, 9):
        await journal.enter(a_decision(number), an_execution(number), an_observation(number))
    await journal.enter(Discount(arm=ARMS[0], head=Head.QUALITY, worth=1.0))
    await journal.enter(a_decision(9), an_observation(9))
    await journal.flush()
    expected = [("append", 16), ("observe", 8), ("discount", 1), ("append", 1), ("observe", 1)]
    assert store.calls == expected
    await journal.close()


async def test_entries_are_written_in_order_and_together() -> None:
    """Observations find their decisions; what came while writing goes in one batch."""
    store, stored = Flaky(), []
    journal = Journal(store, stored=stored.extend)
    await journal.enter(a_decision(1))
    for number in range(2, 40):
        await journal.enter(a_decision(number), an_execution(number))
    await journal.enter(an_observation(3), an_observation(5))
    await journal.flush()
    assert (len(journal), await store.count(), len(stored)) == (0, 2, 2)
    assert sum(store.batches) == 1 + 2 * 38
    assert len(store.batches) < 10
    await journal.close()


async def test_nothing_is_lost_while_the_store_is_out_of_reach(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Entering goes on, flushing says so, and once the store is back everything is there."""
    store = Flaky()
    journal = Journal(store)
    store.down = True
    for number in range(1, 20):
        await journal.enter(a_decision(number), an_observation(number))
    with pytest.raises(StoreError, match="out of reach"):
        await journal.flush()
    assert len(journal) == 38
    store.down = False
    await journal.flush()
    assert (len(journal), journal.missed, await store.count()) == (0, 0, 19)
    await journal.close()
    assert sum(r.levelno == logging.WARNING for r in caplog.records) <= 1


async def test_it_tries_again_by_itself() -> None:
    """Nobody has to flush: what could not be written is written when the store is back."""
    store = Flaky()
    journal = Journal(store)
    store.down = True
    await journal.enter(a_decision())
    await store.refused.wait()
    store.down = False
    await asyncio.wait_for(store.written.wait(), 20)
    assert (await store.decision(a_decision().id)).id == a_decision().id
    await journal.close()


async def test_closing_says_how_much_is_lost() -> None:
    """A store that is still out of reach in the end is an error that counts the entries."""
    store = Flaky()
    store.down = True
    journal = Journal(store)
    await journal.enter(a_decision(1), a_decision(2))
    with pytest.raises(StoreError, match="2 entries of the log could not be written: the database"):
        await journal.close()


async def test_an_entry_the_store_refuses_holds_up_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An observation of no decision is dropped with a warning; those around it are kept."""
    store = MemoryStore()
    journal = Journal(store)
    await journal.enter(a_decision(1), a_decision(2))
    await journal.enter(an_observation(1), an_observation(9), an_observation(2))
    await journal.flush()
    assert (await store.count(), journal.missed, len(journal)) == (2, 1, 0)
    assert "no longer complete" in caplog.text
    await journal.close()


@pytest.mark.parametrize("kind", DATABASES)
async def test_a_value_of_the_wrong_type_holds_up_nothing(
    kind: str, makers: dict[str, Maker], tmp_path: Path
) -> None:
    """A decision with a user that no database can keep is dropped; those around it are logged."""
    await _holds_up_nothing(makers[kind](tmp_path).connect(), user={"name": "ada"})


async def test_a_value_that_is_too_long_holds_up_nothing(
    makers: dict[str, Maker], tmp_path: Path
) -> None:
    """A user whose name finds no room in an index of PostgreSQL is dropped alone, over REST as well."""
    long = "".join(map(chr, np.random.default_rng(1).integers(0x4E00, 0x9FFF, 4000)))
    for kind in ("postgres", "supabase"):
        await _holds_up_nothing(makers[kind](tmp_path).connect(), user=long)


async def test_what_is_no_json_holds_up_nothing(makers: dict[str, Maker], tmp_path: Path) -> None:
    """A value that cannot be sent over REST is dropped alone."""
    await _holds_up_nothing(makers["supabase"](tmp_path).connect(), user=object())


async def _holds_up_nothing(store: Store, *, user: object) -> None:
    await store.open()
    journal = Journal(store)
    bad = replace(a_decision(2), user_id=user)  # type: ignore[arg-type]
    await journal.enter(a_decision(1), bad, a_decision(3), an_observation(1))
    await journal.flush()
    assert (journal.missed, len(journal), await store.count()) == (1, 0, 1)
    assert (await store.decision(a_decision(3).id)).id == a_decision(3).id
    with pytest.raises(UnknownDecisionError):
        await store.decision(bad.id)
    await journal.close()
    await store.close()


class Picky(Flaky):
    """A store that says of itself what is one entry's fault."""

    def __init__(self, *bad: int) -> None:
        super().__init__()
        self.bad = {a_decision(number).id for number in bad}
        self.full = False

    async def append(self, decisions: Sequence[Decision], executions: Sequence[Execution]) -> None:
        if self.full or self.bad & {it.id for it in decisions}:
            raise StoreError("the database failed: who knows why")
        await super().append(decisions, executions)


async def test_an_entry_that_fails_while_others_are_taken_is_dropped() -> None:
    """What the store does not say of an entry is seen: it alone fails, and so does its attempt."""
    store = Picky(2)
    journal = Journal(store)
    await journal.enter(a_decision(1), a_decision(2), an_execution(2), an_execution(1))
    with pytest.raises(StoreError, match="who knows why"):  # nothing came after it yet
        await journal.flush()
    assert (journal.missed, len(journal)) == (0, 2)
    await journal.enter(a_decision(3), an_observation(1), an_observation(3))
    await journal.flush()
    assert (journal.missed, len(journal), await store.count()) == (2, 0, 2)
    await journal.close()


async def test_a_store_that_takes_nothing_is_not_held_against_its_entries() -> None:
    """A store that can be read and takes no entry, as on a full disk, loses none of them."""
    store = Picky()
    store.full = True
    journal = Journal(store)
    await journal.enter(*map(a_decision, range(1, 20)))
    for _ in range(3):
        with pytest.raises(StoreError, match="who knows why"):
            await journal.flush()
    assert (journal.missed, len(journal)) == (0, 19)
    store.full = False
    await journal.close()
    assert (journal.missed, len(journal), sum(store.batches)) == (0, 0, 19)


async def test_what_finds_no_room_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: entries beyond the bound are not logged, and that is known."""
    monkeypatch.setattr(module, "MOST", 3)
    store = Flaky()
    store.down = True
    journal = Journal(store)
    for number in range(1, 6):
        await journal.enter(a_decision(number))
    assert (len(journal), journal.missed) == (3, 2)
    store.down = False
    await journal.close()
    assert sum(store.batches) == 3


async def test_saying_it_twice_stores_it_once() -> None:
    """A write that is cancelled on its way is done again, and changes nothing more."""
    store = Flaky()
    journal = Journal(store)
    await journal.enter(a_decision(), an_execution(), an_observation())
    await journal.close()
    again = Journal(store)
    await again.enter(a_decision(), an_execution(), an_observation())
    await again.close()
    assert (await store.count(), len(await store.executions(a_decision().id))) == (1, 1)
    assert (await store.load()).statistics[ARMS[0], "quality"].count == 1


async def test_a_discount_comes_after_what_it_discounts() -> None:
    """Ten ratings entered before count as two afterwards, and one entered later on top."""
    store = MemoryStore()
    journal = Journal(store)
    for number in range(1, 12):
        await journal.enter(a_decision(number))
    await journal.enter(*(an_observation(number) for number in range(1, 11)))
    await journal.enter(Discount(arm=ARMS[0], head=Head.QUALITY, worth=2.0), an_observation(11))
    await journal.flush()
    weight = (await store.load()).statistics[ARMS[0], "quality"].weight
    assert weight == pytest.approx(3.0)
    await journal.close()


def test_a_loop_that_ends_writes_what_is_left() -> None:
    """Whoever forgets to close loses nothing that the store would have taken."""
    store = Flaky()

    async def main() -> None:
        await Journal(store).enter(a_decision())

    asyncio.run(main())
    assert store.batches == [1]


async def test_what_comes_after_the_end_waits_for_nothing() -> None:
    """A request that outlives its router leaves no task behind that tries for ever."""
    store = Flaky()
    journal = Journal(store)
    await journal.close()
    before = asyncio.all_tasks()
    await journal.enter(a_decision())
    assert (len(journal), journal.missed) == (0, 1)
    assert asyncio.all_tasks() == before


async def test_closing_can_be_given_up() -> None:
    """Whoever cancels a close that waits for a slow store is not ignored."""
    held = asyncio.Event()

    class Slow(MemoryStore):
        async def append(
            self, decisions: Sequence[Decision], executions: Sequence[Execution]
        ) -> None:
            await held.wait()
            await super().append(decisions, executions)

    journal = Journal(Slow())
    await journal.enter(a_decision())
    closing = asyncio.create_task(journal.close())
    for _ in range(5):
        await asyncio.sleep(0)
    closing.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    held.set()
    with pytest.raises(asyncio.CancelledError):
        await closing


async def test_a_key_that_is_refused_for_a_while_loses_nothing() -> None:
    """Only what is wrong with an entry drops it; a store that turns its user away is waited for."""

    class Locked(MemoryStore):
        locked = True

        async def append(
            self, decisions: Sequence[Decision], executions: Sequence[Execution]
        ) -> None:
            if self.locked:
                raise ConfigurationError("refuses this key", remedy="renew it")
            await super().append(decisions, executions)

    store = Locked()
    journal = Journal(store)
    await journal.enter(a_decision())
    await asyncio.sleep(0)
    store.locked = False
    await journal.close()
    assert journal.missed == 0
    assert (await store.decision(a_decision().id)).id == a_decision().id


async def test_a_number_that_no_database_keeps_holds_up_nothing(path: Path) -> None:
    """An attempt of impossible size is dropped, and those behind it are kept."""
    store = SQLStore(path)
    await store.open()
    journal = Journal(store)
    await journal.enter(a_decision(1), replace(an_execution(1), input_tokens=2**70))
    await journal.enter(a_decision(2), an_execution(2))
    await journal.flush()
    assert (journal.missed, len(journal)) == (1, 0)
    assert len(await store.executions(a_decision(2).id)) == 1
    await journal.close()
    await store.close()
