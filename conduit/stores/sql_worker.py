"""Threads on which transactions run, so that the event loop never waits for a disk.

Whole transactions cross to a thread and back once. SQLite's async driver crosses for every
cursor, statement and fetch: measured side by side, an insert took three to five times as long.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from conduit.core.errors import ConduitError, StoreError
from conduit.stores.sql_address import Address
from conduit.stores.sql_dialect import Access, access, distrust, make_engine
from conduit.stores.sql_errors import translated, was_cut, was_late
from conduit.stores.sql_waiting import ANSWER_SECONDS

T = TypeVar("T")
Item = TypeVar("Item")
Unit: TypeAlias = Callable[[Connection], T]
"""The body of one transaction."""
Together: TypeAlias = Callable[[Connection, Sequence[Item]], Sequence[T]]
"""What several tasks want of one kind, done at once: an answer for each."""

GROUP = 64
"""Most writes that share one commit; bounds what a failure makes to be done again."""


class _SpoiltError(Exception):
    """One of several writes failed before their commit, and the others with it."""


@dataclass(slots=True)
class _Begun:
    """How far a transaction is: from its commit on, nobody knows what a broken connection did."""

    committing: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    unit: Together[Any, Any]
    item: Any
    durable: bool
    lock: str
    result: asyncio.Future[Any]


class Worker:
    """Runs units of work on a database; each is one transaction, all or nothing.

    Shared writes that arrive while another one commits share the next commit, so that many tasks
    wait for one sync of the disk. Where one of them fails they are all done again, each by itself,
    and the failure stays alone. On SQLite, which has one writer, all writes are shared.

    Args:
        address: the database.
        timeout: how long a statement may take on a server, in seconds; None takes
            :data:`~conduit.stores.sql_waiting.ANSWER_SECONDS`.
    """

    def __init__(self, address: Address, *, timeout: float | None = None) -> None:
        self._address = address
        self._engine = make_engine(address, timeout=ANSWER_SECONDS if timeout is None else timeout)
        self._modes = {mode: access(self._engine, mode) for mode in Access}
        self._writers = ThreadPoolExecutor(address.threads, thread_name_prefix="conduit-write")
        self._lane = self._writers
        if not address.is_sqlite:
            self._lane = ThreadPoolExecutor(1, thread_name_prefix="conduit-group")
        self._readers = ThreadPoolExecutor(address.threads, thread_name_prefix="conduit-read")
        self._jobs: deque[_Job] = deque()
        self._draining = False

    async def read(self, unit: Unit[T]) -> T:
        """Run a unit that sees one moment of the database and writes nothing."""
        return await asyncio.wrap_future(
            self._submitted(self._readers, self._transact, Access.READ, unit)
        )

    async def write(self, unit: Unit[T], *, durable: bool = False, lock: str | None = None) -> T:
        """Run a unit that writes.

        Args:
            unit: what to do; of a shared write, it may be done twice, after it was undone.
            durable: whether it has to have reached the disk on return.
            lock: the first row that it locks, by which groups are ordered so that they do not
                wait for each other crosswise; a unit that has none commits alone.
        """
        if lock is None and not self._address.is_sqlite:
            mode = Access.DURABLE if durable else Access.LOG
            return await asyncio.wrap_future(
                self._submitted(self._writers, self._transact, mode, unit)
            )
        result: T = await self._queued(
            lambda conn, _: [unit(conn)], None, lock=lock or "", durable=durable
        )
        return result

    async def share(
        self, unit: Together[Item, T], item: Item, *, lock: str, durable: bool = True
    ) -> T:
        """Have something done together with what others want of the same kind.

        Args:
            unit: what to do with all their items; it may be done twice, after it was undone.
            item: what this task wants.
            lock: the first row that is locked for it.
            durable: whether it has to have reached the disk on return.
        """
        result: T = await self._queued(unit, item, lock=lock, durable=durable)
        return result

    async def _queued(
        self, unit: Together[Any, Any], item: Any, *, lock: str, durable: bool
    ) -> Any:
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._jobs.append(_Job(unit, item, durable, lock, result))
        if not self._draining:
            self._draining = True
            try:
                self._submitted(self._lane, self._drain)
            except BaseException:
                self._draining = False
                raise
        return await result

    def _submitted(
        self, threads: ThreadPoolExecutor, task: Callable[..., T], *given: Any
    ) -> Future[T]:
        try:
            return threads.submit(task, *given)
        except RuntimeError:  # what an executor says that was shut down
            raise StoreError(
                f"the store at {self._address.place} was closed", remedy="open it again"
            ) from None

    async def on_engine(self, task: Callable[[Engine], T]) -> T:
        """Run a task that manages its own transactions."""
        return await asyncio.wrap_future(self._writers.submit(self._guarded, task))

    async def close(self) -> None:
        """Finish what was submitted and let go of threads and connections."""
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        self._lane.shutdown()
        self._writers.shutdown()
        self._readers.shutdown()
        self._engine.dispose()

    def _guarded(self, task: Callable[[Engine], T]) -> T:
        with translated(self._address.place):
            return task(self._engine)

    def _transact(self, mode: Access, unit: Unit[T]) -> T:
        """Begin anew, once, where the connection broke before the commit: nothing was done then."""
        with translated(self._address.place):
            begun = _Begun()
            try:
                return self._attempt(mode, unit, begun)
            except DBAPIError as error:
                if begun.committing or was_late(error) or not was_cut(error):
                    raise
                distrust(self._engine)
            return self._attempt(mode, unit, begun)

    def _attempt(self, mode: Access, unit: Unit[T], begun: _Begun) -> T:
        with self._modes[mode].begin() as conn:
            value = unit(conn)
            begun.committing = True
        return value

    def _drain(self) -> None:
        """Commit what waits, as long as anything does."""
        while True:
            while jobs := self._take():
                self._commit(jobs)
            self._draining = False
            if not self._jobs:  # what is added from now on has itself drained
                return
            self._draining = True

    def _commit(self, jobs: list[_Job]) -> None:
        """In one transaction, or one by one where one of them spoils it."""
        if not self._committed(jobs):
            for job in jobs:
                self._committed([job])

    def _committed(self, jobs: list[_Job]) -> bool:
        """Whether the answers were given; False when a unit of several failed, and all is undone."""
        mode = Access.DURABLE if any(job.durable for job in jobs) else Access.LOG
        body = _each if len(jobs) == 1 else self._together
        try:
            values = self._transact(mode, lambda conn: body(conn, jobs))
        except _SpoiltError:
            return False
        except BaseException as error:  # handed to the tasks that wait, as an executor does
            _tell(jobs, [error] * len(jobs), failed=True)
            return True
        _tell(jobs, values)
        return True

    def _take(self) -> list[_Job]:
        jobs: list[_Job] = []
        while self._jobs and len(jobs) < GROUP:
            job = self._jobs.popleft()
            if not job.result.cancelled():
                jobs.append(job)
        return sorted(jobs, key=lambda job: (job.unit.__qualname__, job.lock))

    def _together(self, conn: Connection, jobs: list[_Job]) -> list[Any]:
        try:
            with translated(self._address.place):
                return _each(conn, jobs)
        except ConduitError as error:  # before the commit, so that doing it again is safe
            if was_late(error.__context__):  # one by one, the last would wait for all the others
                raise
            raise _SpoiltError from error


def _tell(jobs: Sequence[_Job], values: Sequence[Any], *, failed: bool = False) -> None:
    """Hand answers to the tasks that wait, all of one event loop at once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, value in zip(jobs, values, strict=True):
        by_loop.setdefault(job.result.get_loop(), []).append((job.result, value))
    for loop, answers in by_loop.items():
        with suppress(RuntimeError):  # of a loop that was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(_resolve, answers, failed)


def _resolve(answers: Sequence[tuple[asyncio.Future[Any], Any]], failed: bool) -> None:
    for result, value in answers:
        if not result.done():
            (result.set_exception if failed else result.set_result)(value)


def _each(conn: Connection, jobs: list[_Job]) -> list[Any]:
    kinds = groupby(jobs, key=lambda job: job.unit)
    return [value for unit, some in kinds for value in unit(conn, [job.item for job in some])]
