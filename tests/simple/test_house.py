"""What a process has open: shared, bounded, and put in order when it ends."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conduit.core.errors import ConduitError, StoreError
from conduit.simple.house import MOST_IDLE, House

from .conftest import Place

ROOT = Path(__file__).parents[2]
SLOW = re.compile(r"^Executing <.* took [0-9.]+ seconds\n", re.MULTILINE)
"""What asyncio says in development mode of a step that took more than a tenth of a second."""


@dataclass
class Thing:
    """Counts how often it is opened and closed."""

    name: str
    opened: int = 0
    closed: int = 0

    async def open(self) -> None:
        self.opened += 1

    async def aclose(self) -> None:
        self.closed += 1
        if self.name == "stuck":
            raise StoreError("the store is away")


@dataclass(frozen=True)
class Named:
    """A plan that remembers what it made."""

    name: str
    made: list[Thing] = field(default_factory=list, compare=False)

    def make(self) -> Thing:
        self.made.append(Thing(self.name))
        return self.made[-1]


async def used(home: House, plan: Named) -> Thing:
    async with home.lent(plan) as thing:
        return thing


def test_equal_plans_share_one_thing(home: House) -> None:
    """However many threads and equal plans there are."""
    plan, equal = Named("a"), Named("a")
    first = home.background.run(used(home, plan))
    assert home.background.run(used(home, equal)) is first
    assert len(plan.made) + len(equal.made) == 1


def test_few_stay_open_that_nobody_uses(home: House) -> None:
    """The one used longest ago is closed first, and one in use never."""
    plans = [Named(str(at)) for at in range(MOST_IDLE + 2)]

    async def work() -> None:
        async with home.lent(plans[0]) as busy:
            for plan in plans[1:]:
                await used(home, plan)
            assert busy.closed == 0

    home.background.run(work())
    assert [plan.made[0].closed for plan in plans] == [0, 1, 1] + [0] * (MOST_IDLE - 1)


def test_one_that_cannot_be_closed_keeps_no_other_open(
    home: House, caplog: pytest.LogCaptureFixture
) -> None:
    """What went wrong is logged; the rest is closed, and who asked for another is not disturbed."""
    stuck, fine = Named("stuck"), Named("fine")
    for plan in (stuck, fine):
        home.background.run(used(home, plan))
    home.close()
    assert (stuck.made[0].closed, fine.made[0].closed) == (1, 1)
    assert "the store is away" in caplog.text


def test_closing_is_repeatable(home: House) -> None:
    """What is open is closed once."""
    plan = Named("a")
    home.background.run(used(home, plan))
    home.close()
    home.close()
    assert plan.made[0].closed == 1


@dataclass
class Slow(Thing):
    """Takes as long to close as it is let."""

    closing: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    async def aclose(self) -> None:
        self.closing.set()
        await asyncio.to_thread(self.go_on.wait, 20)
        await super().aclose()


@dataclass(frozen=True)
class Slowly(Named):
    """A plan for one."""

    def make(self) -> Slow:
        self.made.append(Slow(self.name))
        return self.made[-1]  # type: ignore[return-value] # the one just made


@pytest.fixture
def leaving(home: House) -> Iterator[Callable[[], None]]:
    """Has the house closed as far as its slow room; that one closes when the test has ended."""
    plan = Slowly("slow")
    slow = home.background.run(used(home, plan))
    assert isinstance(slow, Slow)
    closing = threading.Thread(target=home.close)

    def leave() -> None:
        closing.start()
        assert slow.closing.wait(20)

    yield leave
    slow.go_on.set()
    closing.join()
    assert slow.closed == 1


def test_a_house_that_is_left_takes_no_more(home: House, leaving: Callable[[], None]) -> None:
    """A call that another thread begins meanwhile is refused: nothing is opened or paid for it."""
    leaving()
    late, again = Named("late"), Slowly("slow")
    for plan in (late, again):
        with pytest.raises(ConduitError, match="was closed, as the program ends"):
            home.background.run(used(home, plan))
    assert late.made == again.made == []


def test_what_had_begun_lends_nothing_from_a_house_that_is_left(
    home: House, leaving: Callable[[], None]
) -> None:
    """A call that was on its way when the house was left opens nothing that nobody would close."""
    begun, left, late, errors = threading.Event(), asyncio.Event(), Named("late"), []

    async def on_its_way() -> None:
        begun.set()
        await left.wait()
        await used(home, late)

    def ask() -> None:
        with pytest.raises(ConduitError, match="was closed, as the program ends") as caught:
            home.background.run(on_its_way())
        errors.append(caught.value)

    asking = threading.Thread(target=ask)
    asking.start()
    assert begun.wait(20)
    loop = home.background._loop
    assert loop is not None
    leaving()
    loop.call_soon_threadsafe(left.set)
    asking.join(20)
    assert (len(errors), late.made) == (1, [])


def test_a_guest_that_comes_while_others_leave_is_given_up_too(home: House) -> None:
    """Whoever lends while calls put their books in order is cancelled before anything is closed."""
    plan, inside = Named("a"), threading.Event()
    ends: list[tuple[str, int]] = []

    async def stay(name: str, *, then: asyncio.Event | None = None) -> None:
        async with home.lent(plan) as thing:
            inside.set()
            try:
                await asyncio.Event().wait()
            finally:
                if then is not None:
                    then.set()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                ends.append((name, thing.closed))

    async def follow(first: asyncio.Event) -> None:
        await first.wait()
        await stay("second")

    async def begin() -> list[asyncio.Task[None]]:
        first = asyncio.Event()
        return [asyncio.create_task(it) for it in (stay("first", then=first), follow(first))]

    tasks = home.background.run(begin())
    assert inside.wait(20)
    home.close()
    assert [it.cancelled() for it in tasks] == [True, True]
    assert ends == [("first", 0), ("second", 0)]
    assert plan.made[0].closed == 1


def program(
    place: Place, code: str, *arguments: str, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end, with every warning on; that a machine is busy is none."""
    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code, *arguments],
        check=False,
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    ran.stderr = SLOW.sub("", ran.stderr)
    return ran


ENDS = """
from conduit import llm, session
with session(budget_usd=1.0, budget_strategy="strict") as s:
    answers = [s.llm(f"What is {at}+2?") for at in range(3)]
answers[0].rate(5)
answers[1].rate(1)
llm("What is 2+2?")
"""


def test_a_script_that_just_ends_leaves_all_of_it(offline: Place) -> None:
    """Decisions, costs and ratings are in the database, folded; nothing is said, nothing is open."""
    ran = program(offline, ENDS)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert offline.rows("select count(*) from decisions") == [(4,)]
    assert offline.rows("select count(*) from costs") == [(4,)]
    assert offline.rows("select count(*) from observations where signal = 'rating'") == [(2,)]
    assert offline.rows("select count(*) from pending") == [(0,)]
    assert offline.rows("select count(*) from budgets") == [(0,)]
    rated = "select count(*) from arm_state where head = 'quality'"
    assert offline.rows(rated) == [(1,)]


THREADS = """
import sys, threading
from conduit import llm
llm("What is 2+2?")
def work():
    for at in range(3):
        sys.stdout.write(llm(f"What is {at}+2?").model + chr(10))
for _ in range(4):
    threading.Thread(target=work).start()
"""


def test_a_program_waits_for_its_threads(offline: Place) -> None:
    """Threads that go on after the main program get their answers, as Python lets them end first."""
    ran = program(offline, THREADS)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.split() == ["gpt-4o-mini"] * 12
    assert offline.rows("select count(*) from costs") == [(13,)]


LATE = """
import threading
from conduit import llm
from conduit.core.errors import ConduitError
def work():
    threading.main_thread().join()
    for _ in range(2):
        try:
            llm("What is 2+2?")
        except ConduitError as error:
            print(error.problem)
threading.Thread(target=work).start()
"""


@pytest.mark.parametrize("loaded", [False, True])
def test_a_first_call_after_the_main_program_is_refused(offline: Place, loaded: bool) -> None:
    """Nothing would be there to put its books in order: each gets the one error, loaded or not."""
    ran = program(offline, LATE + "import conduit.simple.calls\n" * loaded)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == ["Conduit was closed, as the program ends"] * 2
    assert not offline.data.exists()


POOLS = """
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from conduit import llm
llm("What is 2+2?")
threads, processes = ThreadPoolExecutor(2), ProcessPoolExecutor(1)
print(threads.submit(llm, "What is 3+2?").result().model, processes.submit(abs, -1).result())
"""


def test_a_program_does_not_wait_for_pools_that_nobody_shut(offline: Place) -> None:
    """Python ends their idle threads after Conduit has closed: neither may wait for the other."""
    spawn = "import multiprocessing\nmultiprocessing.set_start_method('spawn')"
    ran = program(offline, f"{spawn}\n{POOLS}")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.split() == ["gpt-4o-mini", "1"]


BEGUN = """
import signal
from conduit import Provider
pieces = Provider("openai").stream_text("What is 2+2, and why?")
next(pieces)
"""
ENDINGS = {
    "the end": "",
    "a break": "for piece in pieces:\n    break",
    "an error": "raise RuntimeError('mine')",
    "Ctrl-C": "signal.raise_signal(signal.SIGINT)",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_stream_that_is_open_at_the_end_is_paid_and_logged(offline: Place, ending: str) -> None:
    """However the program ends, its own error is all that is said."""
    ran = program(offline, BEGUN + ENDINGS[ending])
    said = {"an error": "RuntimeError: mine", "Ctrl-C": "KeyboardInterrupt"}.get(ending)
    assert ran.stderr.splitlines()[-1:] == ([said] if said else []), ran.stderr
    assert ran.stderr.count("Traceback") == (1 if said else 0), ran.stderr
    for table in ("decisions", "executions", "costs"):
        assert offline.rows(f"select count(*) from {table}") == [(1,)]
    assert offline.rows("select count(*) from reservations") == [(0,)]


FORKS = """
import os, sys, warnings
from conduit import llm, session, set_models
from conduit.core.errors import ConduitError
warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
answer = llm("What is 2+2?")
with session() as s:
    child = os.fork()
    if not child:
        calls = (
            lambda: llm("What is 2+2?"), lambda: answer.rate(5), lambda: s.llm("What is 2+2?"),
            lambda: s.total_cost, lambda: set_models(cheap="gpt-4o"),
        )
        for call in calls:
            try:
                call()
            except ConduitError as error:
                print(error.problem)
        sys.stdout.flush()
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
    print(s.llm("What is 2+2?").model)
"""


def test_a_forked_child_is_refused_and_ends(offline: Place) -> None:
    """Each of its calls gets the one error, it ends as any process, and the parent goes on."""
    ran = program(offline, FORKS)
    refused = "this process was forked from one that uses Conduit already"
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [*[refused] * 5, "gpt-4o-mini"]
