"""Where plain functions have a ledger work for them, and wait."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from conduit.budgets.ledger import Ledger
from conduit.core.errors import ConduitError
from conduit.engines.router import Router
from conduit.simple.books import Books
from conduit.simple.house import House, house

T = TypeVar("T")


class Desk:
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
            async for piece in pieces(books.ledger):
                yield piece

    async def _read(self, home: House, work: Callable[[Ledger], Awaitable[T]]) -> T:
        await _caught_up(home)
        return await self._done(home, work)

    async def _done(self, home: House, work: Callable[[Ledger], Awaitable[T]]) -> T:
        async with home.lent(self._books) as books:
            return await work(books.ledger)

    async def _changed(self, home: House, work: Callable[[Ledger], Awaitable[T]]) -> T:
        try:
            return await self._done(home, work)
        finally:
            async for ledger in _ledgers(home):
                ledger.look_again()


async def _caught_up(home: House) -> None:
    """Until what the routers of this process have spent is in the books: they book it together."""
    async for ledger in _ledgers(home):
        await ledger.caught_up()


async def _ledgers(home: House) -> AsyncIterator[Ledger]:
    """Those of all routers of this process."""
    for thing in home.things:
        if isinstance(thing, Router):
            with suppress(ConduitError):  # one that cannot be opened, or was closed meanwhile
                yield await thing.ledger()


class Clerk:
    """Whatever is done at a desk.

    Args:
        desk: where it is done.
        actor: who is on record.
    """

    def __init__(self, desk: Desk, *, actor: str) -> None:
        self._desk = desk
        self._actor = actor
