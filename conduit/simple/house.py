"""What the plain functions of a process share: an event loop, and what is open on it."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from conduit.core.errors import ConduitError
from conduit.simple.background import Background
from conduit.simple.configuration import Overrides
from conduit.simple.verdicts import Verdicts

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
    users: int = 0


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
        self._process = os.getpid()

    @property
    def things(self) -> tuple[Any, ...]:
        """All that is lent, or was; to be asked for on this house's event loop alone."""
        return tuple(room.thing for room in self._rooms)

    @asynccontextmanager
    async def lent(self, plan: Plan[O]) -> AsyncIterator[O]:
        """What a plan makes, open; to be used on this house's event loop alone."""
        room = self._room(plan)
        room.users += 1
        try:
            await room.thing.open()
            yield room.thing
        finally:
            room.users -= 1
            await self._tidy()

    def check(self) -> None:
        """Refuse to go on in a child process.

        Threads do not survive a fork, and SQLite must not be carried through one.

        Raises:
            ConduitError: in a process that was forked from the one that made this house.
        """
        if os.getpid() != self._process:
            raise ConduitError(
                "this process was forked from one that uses Conduit already",
                remedy='start it anew, as multiprocessing does with the method "spawn", or fork '
                "before the first call",
            )

    def close(self) -> None:
        """Close all that is open, and end the loop; a child process leaves its parent's alone."""
        if self._rooms and os.getpid() == self._process:
            self.background.run(self._leave())
            self.background.close()

    def _room(self, plan: Plan[O]) -> _Room[O]:
        """The room of that plan, now the one used last."""
        found: _Room[O] | None = next((it for it in self._rooms if it.plan == plan), None)
        if found is None:
            found = _Room(plan=plan, thing=plan.make())
        else:
            self._rooms.remove(found)
        self._rooms.append(found)
        return found

    async def _tidy(self) -> None:
        idle = [room for room in self._rooms if not room.users]
        for room in idle[:-MOST_IDLE]:
            self._rooms.remove(room)
            await room.thing.aclose()

    async def _leave(self) -> None:
        rooms, self._rooms = self._rooms, []
        for room in rooms:
            await room.thing.aclose()


class _Process:
    """The house of this process, made when it is first asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._house: House | None = None

    def house(self) -> House:
        with self._lock:
            if self._house is None:
                self._house = House()
                _at_exit(self._house.close)
            self._house.check()
            return self._house


_PROCESS = _Process()


def house() -> House:
    """The house of this process: the one place where functions without arguments keep anything.

    Raises:
        ConduitError: in a process that was forked after it was first asked for.
    """
    return _PROCESS.house()


def _at_exit(leave: Any) -> None:
    """Before the interpreter ends its thread pools, which closing a database still needs."""
    register = getattr(threading, "_register_atexit", None)
    if register is None:  # pragma: no cover - every CPython from 3.9 on has it
        import atexit  # noqa: PLC0415 - in its place

        register = atexit.register
    register(leave)
