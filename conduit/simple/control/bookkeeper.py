"""Where plain functions have a ledger work for them, and wait."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Protocol, TypeVar, runtime_checkable

from conduit.budgets.ledger import Ledger
from conduit.core.errors import ConduitError
from conduit.simple.control.books import Books
from conduit.simple.house import House, house

T = TypeVar("T")


@runtime_checkable
class KeepsBooks(Protocol):
    """What spends from a ledger of its own: a router, for one."""

    async def ledger(self) -> Ledger:
        """The ledger; opens what it takes."""
        ...


class Bookkeeper:
    """Takes work for a ledger from any number of threads.

    Args:
        books: that the ledger keeps.
    """

    def __init__(self, books: Books) -> None:
        self._books = books

    def do(self, work: Callable[[Ledger], Awaitable[T]]) -> T:
        """Have it done, and wait for it; Ctrl-C cancels it."""
        home = house()
        return home.background.run(self._done(home, work))

    def read(self, work: Callable[[Ledger], Awaitable[T]]) -> T:
        """Likewise for what is asked, once all that was spent in this process is in the books."""
        home = house()
        return home.background.run(self._read(home, work))

    def change(self, work: Callable[[Ledger], Awaitable[T]]) -> T:
        """Likewise for what makes or unmakes budgets: all routers of this process look again."""
        home = house()
        return home.background.run(self._changed(home, work))

    def each(self, pieces: Callable[[Ledger], AsyncIterator[T]]) -> Iterator[T]:
        """What a ledger is asked for piece by piece, as it is wanted."""
        home = house()
        return home.background.iterate(lambda: self._each(home, pieces))

    async def _each(
        self, home: House, pieces: Callable[[Ledger], AsyncIterator[T]]
    ) -> AsyncGenerator[T, None]:
        await _caught_up(home)
        async with home.lent(self._books) as books:
            async for piece in pieces(await books.ledger()):
                yield piece

    async def _read(self, home: House, work: Callable[[Ledger], Awaitable[T]]) -> T:
        await _caught_up(home)
        return await self._done(home, work)

    async def _done(self, home: House, work: Callable[[Ledger], Awaitable[T]]) -> T:
        async with home.lent(self._books) as books:
            return await work(await books.ledger())

    async def _changed(self, home: House, work: Callable[[Ledger], Awaitable[T]]) -> T:
        try:
            return await self._done(home, work)
        finally:
            for ledger in await _ledgers(home):
                ledger.look_again()


async def _caught_up(home: House) -> None:
    """Until what the routers of this process have spent is in the books: they book it together."""
    for ledger in await _ledgers(home):
        await ledger.caught_up()


async def _ledgers(home: House) -> list[Ledger]:
    """All that anything in a house spends from."""
    found = []
    for thing in home.things:
        if isinstance(thing, KeepsBooks):
            with suppress(ConduitError):  # one that cannot be opened, or was closed meanwhile
                found.append(await thing.ledger())
    return found


class Clerk:
    """Whatever has a bookkeeper.

    Args:
        keeper: does the work.
        actor: who is on record.
    """

    def __init__(self, keeper: Bookkeeper, *, actor: str) -> None:
        self._keeper = keeper
        self._actor = actor
