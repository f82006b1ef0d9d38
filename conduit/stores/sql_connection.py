"""An open database: connected, folded, and how far it has come."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

from conduit.core.clocks import SystemClock
from conduit.core.errors import StoreError
from conduit.core.loops import PerLoop
from conduit.core.ports import Clock
from conduit.core.sharing import Document, Edit, Folded, Json, Pulse
from conduit.stores import sql_documents as documents
from conduit.stores import sql_learning as learning
from conduit.stores.sql_address import parse_address
from conduit.stores.sql_migrations import bring_up
from conduit.stores.sql_worker import Worker


class SQLConnection:
    """The part of a store that is about the database itself, and about shared documents.

    Args:
        where: path of a SQLite file, or an address.
        clock: no decision is younger than its now; None takes the system's.
        timeout: how long a statement may take on a server, in seconds; None takes 30. What the
            address, the role or the database bounds itself stays as it is.

    Raises:
        ConfigurationError: for an address that cannot be used.
    """

    def __init__(
        self, where: str | Path, *, clock: Clock | None = None, timeout: float | None = None
    ) -> None:
        self._address = parse_address(where)
        self._clock = clock or SystemClock()
        self._timeout = timeout
        self._gate = PerLoop(asyncio.Lock)
        self._open_worker: Worker | None = None
        self._layout: tuple[str, int] | None = None
        self._name = uuid4().hex

    @property
    def place(self) -> str:
        """Where the database is, without its password."""
        return self._address.place

    @property
    def shared(self) -> bool:
        """Any number of processes may use the database."""
        return True

    async def open(self) -> None:
        """Connect, bring the schema to this version, and fold what a crash left pending.

        Raises:
            SchemaVersionError: for a database made by a newer version; nothing is changed.
            StoreError: for a place that is no usable database.
        """
        async with self._gate.here():
            if self._open_worker is not None:
                return
            worker = Worker(self._address, timeout=self._timeout)
            try:
                await worker.on_engine(bring_up)
                await self._fold(worker)
            except BaseException:
                await worker.close()
                raise
            self._open_worker = worker

    async def close(self) -> None:
        """Fold what is pending and let go of connections; a second time does nothing."""
        async with self._gate.here():
            worker, self._open_worker = self._open_worker, None
            if worker is None:
                return
            try:
                await self._fold(worker)
            finally:
                await worker.close()

    async def pulse(self) -> Pulse:
        """How far learned state and documents have come."""
        return await self._worker.read(documents.pulse)

    async def document(self, key: str) -> Document | None:
        """A value that all replicas share; None when nobody put one."""
        return await self._worker.read(lambda conn: documents.read_document(conn, key))

    async def put_document(
        self, key: str, value: Json, *, expected: int, edit: Edit | None = None
    ) -> bool:
        """Replace a shared value, unless another process was first."""
        return await self._worker.write(
            lambda conn: documents.put_document(conn, key, value, expected=expected, edit=edit),
            durable=True,
        )

    async def edits(self, *, limit: int = 100) -> tuple[Edit, ...]:
        """Who changed what, the newest first."""
        return await self._worker.read(lambda conn: documents.read_edits(conn, limit=limit))

    async def _fold(self, worker: Worker, *, wait: bool = True) -> Folded:
        """Chunk by chunk, until nothing is pending or another folds."""
        name, now, total = self._name, self._clock.now, None
        while await worker.read(learning.is_pending):
            done = await worker.write(
                lambda conn: learning.fold(conn, now=now(), writer=name, wait=wait)
            )
            if done is None or not done.count:  # others fold, or rebuild
                break
            total = done if total is None else total + done
            if done.count < learning.CHUNK:
                break
        if total is not None:
            return total
        version = (await worker.read(documents.pulse)).state
        return Folded(before=version, after=version)

    @property
    def _worker(self) -> Worker:
        if self._open_worker is None:
            raise StoreError(f"the store at {self.place} is not open", remedy="await open() first")
        return self._open_worker
