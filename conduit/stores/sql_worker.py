"""Threads on which transactions run, so that the event loop never waits for a disk.

Whole transactions cross to a thread and back once. SQLite's async driver crosses for every
cursor, statement and fetch: measured side by side, an insert took three to five times as long.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine

from conduit.core.errors import ConduitError
from conduit.stores.sql_address import Address
from conduit.stores.sql_dialect import Access, access, make_engine
from conduit.stores.sql_errors import translated

T = TypeVar("T")
Unit: TypeAlias = Callable[[Connection], T]
"""The body of one transaction."""


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    unit: Unit[Any]
    durable: bool
    result: Future[Any] = field(default_factory=Future)


class Worker:
    """Runs units of work on a database; each is one transaction, all or nothing.

    Writes that arrive while another one commits share the next commit, each behind a savepoint
    of its own, so that many tasks wait for one sync of the disk and a failure stays alone.

    Args:
        address: the database.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._engine = make_engine(address)
        self._modes = {mode: access(self._engine, mode) for mode in Access}
        self._writers = ThreadPoolExecutor(address.threads, thread_name_prefix="conduit-write")
        self._readers = ThreadPoolExecutor(address.threads, thread_name_prefix="conduit-read")
        self._jobs: deque[_Job] = deque()

    async def read(self, unit: Unit[T]) -> T:
        """Run a unit that sees one moment of the database and writes nothing."""
        return await asyncio.wrap_future(self._readers.submit(self._transact, Access.READ, unit))

    async def write(self, unit: Unit[T], *, durable: bool = False) -> T:
        """Run a unit that writes; a durable one has reached the disk on return."""
        job = _Job(unit, durable)
        self._jobs.append(job)
        self._writers.submit(self._drain)
        result: T = await asyncio.wrap_future(job.result)
        return result

    async def on_engine(self, task: Callable[[Engine], T]) -> T:
        """Run a task that manages its own transactions."""
        return await asyncio.wrap_future(self._writers.submit(self._guarded, task))

    async def close(self) -> None:
        """Finish what was submitted and let go of threads and connections."""
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        self._writers.shutdown()
        self._readers.shutdown()
        self._engine.dispose()

    def _guarded(self, task: Callable[[Engine], T]) -> T:
        with translated(self._address.place):
            return task(self._engine)

    def _transact(self, mode: Access, unit: Unit[T]) -> T:
        with translated(self._address.place), self._modes[mode].begin() as conn:
            return unit(conn)

    def _drain(self) -> None:
        jobs = self._take()
        if not jobs:
            return
        mode = Access.DURABLE if any(job.durable for job in jobs) else Access.LOG
        run = _alone if len(jobs) == 1 else self._apart
        try:
            answers = self._transact(mode, lambda conn: [run(conn, job) for job in jobs])
        except BaseException as error:  # handed to the tasks that wait, as an executor does
            answers = [_failure(job, error) for job in jobs]
        for answer in answers:
            answer()

    def _take(self) -> list[_Job]:
        jobs: list[_Job] = []
        while self._jobs and len(jobs) < self._address.group:
            job = self._jobs.popleft()
            if job.result.set_running_or_notify_cancel():
                jobs.append(job)
        return jobs

    def _apart(self, conn: Connection, job: _Job) -> Callable[[], None]:
        savepoint = conn.begin_nested()
        try:
            with translated(self._address.place):
                answer = _alone(conn, job)
                savepoint.commit()
        except ConduitError as error:
            savepoint.rollback()
            return _failure(job, error)
        return answer


def _alone(conn: Connection, job: _Job) -> Callable[[], None]:
    value = job.unit(conn)
    return lambda: job.result.set_result(value)


def _failure(job: _Job, error: BaseException) -> Callable[[], None]:
    return lambda: job.result.set_exception(error)
