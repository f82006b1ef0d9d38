"""What the plain functions of a process share: an event loop, and what is open on it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from conduit.core.errors import ConduitError
from conduit.simple.background import Background
from conduit.simple.configuration import Overrides
from conduit.simple.ending import over
from conduit.simple.grading.verdicts import Verdicts

_log = logging.getLogger(__name__)

MOST_IDLE = 8
"""Things that stay open though nobody uses them."""


class Open(Protocol):
    """What is opened once, used by many, and closed once."""

    async def open(self) -> Any:
        """Be ready; repeatable."""
        ...

    async def aclose(self) -> None:
        """Let go of everything."""
        ...


_POOLS: Mapping[str, str] = MappingProxyType(
    {
        "concurrent.futures.thread": "_threads_queues",
        "concurrent.futures.process": "_threads_wakeups",
    }
)
"""Where Python keeps the threads of its pools."""

O_co = TypeVar("O_co", bound=Open, covariant=True)
O = TypeVar("O", bound=Open)  # noqa: E741 - a type


class Plan(Protocol[O_co]):
    """A value that says what is to be opened; equal plans share one."""

    def make(self) -> O_co:
        """A new one, not open yet."""
        ...


@dataclass(slots=True, eq=False)
class _Room(Generic[O]):
    plan: Plan[O]
    thing: O
    guests: list[asyncio.Task[Any] | None] = field(default_factory=list)


class House:
    """Lends routers and books to all threads of a process.

    Args:
        overrides: what the program has set.
    """

    def __init__(self, overrides: Overrides | None = None) -> None:
        self.overrides = overrides or Overrides()
        self.background = Background()
        self.verdicts = Verdicts()
        self._rooms: list[_Room[Any]] = []
        self._is_left = False

    @property
    def things(self) -> tuple[Any, ...]:
        """All that is lent, or was; to be asked for on this house's event loop alone."""
        return tuple(room.thing for room in self._rooms)

    @asynccontextmanager
    async def lent(self, plan: Plan[O]) -> AsyncIterator[O]:
        """What a plan makes, open; to be used on this house's event loop alone.

        Raises:
            ConduitError: once this house is left.
        """
        if self._is_left:
            raise over()
        room, guest = self._room(plan), asyncio.current_task()
        room.guests.append(guest)
        try:
            await room.thing.open()
            yield room.thing
        finally:
            room.guests.remove(guest)
            if room in self._rooms:  # not once the house is left
                self._rooms.remove(room)
                self._rooms.append(room)  # the one used last
            await self._tidy()

    def check(self) -> None:
        """Refuse to go on in a child process.

        Raises:
            ConduitError: in a process that was forked from the one that made this house.
        """
        self.background.check()

    def close(self) -> None:
        """Close all that is open, and end the loop; repeatable, and for good.

        Calls under way are given up, and paid as far as they went; others are refused from now on.
        """
        self.background.leave()
        if self.background.is_running:
            self.background.run(self._leave(), ends=True)
        self.background.close()

    def leave(self) -> None:
        """Close at the end of a process, once the threads have ended that it waits for anyway.

        A child process leaves its parent's house alone.
        """
        if self.background.is_forked:
            return
        while threads := _going_on():
            for thread in threads:
                thread.join()
        self.close()

    def _room(self, plan: Plan[O]) -> _Room[O]:
        found: _Room[O] | None = next((it for it in self._rooms if it.plan == plan), None)
        if found is None:
            found = _Room(plan=plan, thing=plan.make())
            self._rooms.append(found)
        return found

    def _guests(self) -> set[asyncio.Task[Any]]:
        return {guest for room in self._rooms for guest in room.guests if guest is not None}

    async def _tidy(self) -> None:
        idle = [room for room in self._rooms if not room.guests]
        for room in idle[:-MOST_IDLE]:
            self._rooms.remove(room)
            await _closed(room)

    async def _leave(self) -> None:
        await self.background.end_iterating()
        while guests := self._guests():  # one may come while others put their books in order
            for guest in guests:
                guest.cancel()
            await asyncio.wait(guests)
        self._is_left = True
        rooms, self._rooms = self._rooms, []
        for room in rooms:
            await _closed(room)


async def _closed(room: _Room[Any]) -> None:
    """One that cannot be closed is no reason to leave others open, or to fail who uses another."""
    try:
        await room.thing.aclose()
    except ConduitError as error:
        _log.error("closing: %s", error)


class _Process:
    """The house of this process, made when it is first asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._house: House | None = None

    def house(self) -> House:
        if self._house is None:  # a fork may find the lock held for ever
            self._make()
        assert self._house is not None
        self._house.check()
        return self._house

    def _make(self) -> None:
        with self._lock:
            if self._house is None:
                made = House()
                _at_exit(made.leave)
                self._house = made


_PROCESS = _Process()


def house() -> House:
    """The house of this process: the one place where functions without arguments keep anything.

    Raises:
        ConduitError: in a process that was forked after it was first asked for; and where it is
            first asked for by a thread that goes on after the main program.
    """
    return _PROCESS.house()


def _at_exit(leave: Any) -> None:
    """Before the interpreter ends its thread pools, which closing a database still needs.

    Raises:
        ConduitError: when it is about to do so already.
    """
    register = getattr(threading, "_register_atexit", None)
    if register is None:  # pragma: no cover - every CPython from 3.9 on has it
        import atexit  # noqa: PLC0415 - in its place

        register = atexit.register
    try:
        register(leave)
    except RuntimeError:
        raise over() from None


def _going_on() -> list[threading.Thread]:
    """Threads that Python waits for before it ends; those of pools it ends itself, and only later."""
    pooled: set[threading.Thread] = set()
    for module, registry in _POOLS.items():
        if module in sys.modules:
            known = getattr(sys.modules[module], registry, None)
            if known is None:  # nobody can tell which to wait for
                return []
            pooled.update(known)
    here = threading.current_thread()
    return [
        it
        for it in threading.enumerate()
        if not it.daemon and it is not here and it is not threading.main_thread()
        if it not in pooled
    ]
