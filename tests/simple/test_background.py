"""An event loop for plain functions: who waits, who is interrupted, and how it ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Iterator

import pytest

from conduit.core.errors import ConduitError
from conduit.simple.background import Background


@pytest.fixture
def background() -> Iterator[Background]:
    """One that is closed afterwards."""
    background = Background()
    yield background
    background.close()


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


class Ticks:
    """Counts on and on, and knows when nobody listens any more."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    async def count(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(1_000_000):
                yield number
        finally:
            await asyncio.sleep(0)
            self.closed.set()


def test_work_is_done_for_any_thread(background: Background) -> None:
    """Each of 32 gets what it asked for, and all of it is done by one thread."""
    got: dict[int, int] = {}

    def ask(number: int) -> None:
        got[number] = background.run(double(number))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {number: 2 * number for number in range(32)}


async def test_work_is_done_where_a_loop_runs(background: Background) -> None:
    """Plainly, which waits, and awaited, which does not."""
    assert background.run(double(1)) == 2
    assert await asyncio.gather(*(background.awaited(double(it)) for it in (1, 2))) == [2, 4]


def test_an_error_of_the_work_is_its_callers(background: Background) -> None:
    """It arrives as it was raised, and the loop goes on."""

    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        background.run(fail())
    assert background.run(double(2)) == 4


INTERRUPTED = """
import asyncio, signal, threading
from conduit.simple.background import Background

settled = []

async def work():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.01)
        settled.append("released")

async def double(number):
    return 2 * number

background = Background()
for turn in range(20):
    try:
        background.run(work())
    except KeyboardInterrupt:
        assert len(settled) == turn + 1, settled
assert background.run(double(1)) == 2
background.close()
print(len(settled))
"""


def test_ctrl_c_cancels_the_work_and_waits_until_it_has_settled() -> None:
    """Who is interrupted, at whatever moment, gets control back when the books are in order, not before."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "20", "")


def test_a_plain_function_on_the_loop_itself_is_an_error(background: Background) -> None:
    """It would wait for itself; nothing of the work is left over."""

    async def nested() -> int:
        return background.run(double(1))

    with pytest.raises(ConduitError, match=r"own event loop; await .* allm\(\)"):
        background.run(nested())


def test_awaiting_on_the_loop_itself_is_no_error(background: Background) -> None:
    """The asynchronous form needs no other thread there."""

    async def nested() -> int:
        return await background.awaited(double(1))

    assert background.run(nested()) == 2


async def test_cancelling_who_awaits_cancels_the_work(background: Background) -> None:
    """And what the work has to put in order is done."""
    begun, ended = threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.create_task(background.awaited(work()))
    assert await asyncio.to_thread(begun.wait, 10)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(ended.wait, 10)


def test_an_iterator_closes_its_generator(background: Background) -> None:
    """Whoever stops early has it closed at once; whoever never begins has begun nothing."""
    ticks, unused = Ticks(), Ticks()
    pieces = background.iterate(ticks.count)
    assert [next(pieces) for _ in range(3)] == [0, 1, 2]
    pieces.close()  # type: ignore[attr-defined] # a generator
    assert ticks.closed.is_set()
    background.iterate(unused.count).close()  # type: ignore[attr-defined] # likewise
    assert not unused.closed.is_set()


def test_an_iterator_ends_with_its_generator(background: Background) -> None:
    """It yields all there is, and an error where it is raised."""

    async def some() -> AsyncGenerator[int, None]:
        yield 1
        yield 2
        raise ZeroDivisionError

    pieces = background.iterate(some)
    assert [next(pieces), next(pieces)] == [1, 2]
    with pytest.raises(ZeroDivisionError):
        next(pieces)
    with pytest.raises(StopIteration):
        next(pieces)


def test_closing_ends_all_that_runs_and_what_was_iterated() -> None:
    """Who waits gets the one error, generators are closed, and closing again does nothing."""
    background, ticks, begun = Background(), Ticks(), threading.Event()
    pieces = background.iterate(ticks.count)
    next(pieces)
    errors: list[ConduitError] = []

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    def wait() -> None:
        with pytest.raises(ConduitError, match="was closed, as the program ends") as caught:
            background.run(work())
        errors.append(caught.value)

    thread = threading.Thread(target=wait)
    thread.start()
    assert begun.wait(10)
    background.close()
    background.close()
    thread.join()
    assert len(errors) == 1
    assert ticks.closed.is_set()
    pieces.close()  # type: ignore[attr-defined] # a generator


def test_what_is_iterated_can_be_ended_before_the_loop_is(background: Background) -> None:
    """Generators are closed at once, the one included that a thread waits for; each is told so."""
    ticks, begun, closed = Ticks(), threading.Event(), threading.Event()

    async def silent() -> AsyncGenerator[int, None]:
        try:
            begun.set()
            await asyncio.Event().wait()
            yield 1
        finally:
            closed.set()

    def wait() -> None:
        with pytest.raises(ConduitError, match="was closed, as the program ends"):
            next(background.iterate(silent))

    pieces = background.iterate(ticks.count)
    assert next(pieces) == 0
    thread = threading.Thread(target=wait)
    thread.start()
    assert begun.wait(10)
    background.run(background.end_iterating())
    thread.join()
    assert ticks.closed.is_set()
    assert closed.is_set()
    with pytest.raises(StopIteration):
        next(pieces)


def test_a_closed_one_takes_no_more() -> None:
    """The error says what to wait for, whether or not it was ever used."""
    background = Background()
    background.close()
    with pytest.raises(ConduitError, match="join them"):
        background.run(double(1))


async def test_who_awaits_is_told_of_the_end() -> None:
    """By the one error; nobody has cancelled them."""
    background, begun = Background(), threading.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    waiting = asyncio.create_task(background.awaited(work()))
    assert await asyncio.to_thread(begun.wait, 10)
    await asyncio.to_thread(background.close)
    with pytest.raises(ConduitError, match="was closed"):
        await waiting


def test_what_is_begun_while_the_loop_ends_is_ended_too() -> None:
    """A task that puts its books in order by another one leaves none behind, nor is one forgotten."""
    background, ended = Background(), threading.Event()

    async def book() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def begin() -> None:
        begun.append(asyncio.create_task(book()))
        await asyncio.sleep(0)

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await begin()

    async def start() -> None:
        begun.append(asyncio.create_task(work()))
        await asyncio.sleep(0)

    begun: list[asyncio.Task[None]] = []
    background.run(start())
    background.close()
    assert ended.is_set()
    assert [it.cancelled() for it in begun] == [True, True]
