"""Interruption: wherever a caller goes away, every attempt is settled once and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.bandits.steering import BudgetPerRequest
from conduit.core.clocks import ManualClock
from conduit.core.errors import ConduitError, FailureKind, ProviderError
from conduit.core.events import Completed, Decided, Event, Executed, Failed
from conduit.core.models import Query
from conduit.core.outcomes import CANCELLED, Delta, Execution, ModelReply, ModelRequest
from conduit.engines.engine import Engine, open_engine
from conduit.engines.errand import Errand
from conduit.engines.goals import Goal
from conduit.engines.options import Options
from conduit.engines.shielding import finish
from conduit.engines.wiring import assemble
from conduit.features.encoders.hashing import HashingEncoder
from conduit.settings import Settings
from tests.engines.builders import CHEAP, DEAR
from tests.engines.tills import CountingPurse, CountingTill, exceeded


async def pause() -> None:
    """Let others go on."""
    await asyncio.sleep(0)


@dataclass
class SlowPurse(CountingPurse):
    """Takes its time to settle."""

    async def settle(self, execution: Execution) -> None:
        await pause()
        await super().settle(execution)
        await pause()


@dataclass
class SlowTill(CountingTill):
    """Takes its time to open a purse."""

    async def open(self, request: ModelRequest, *, decision_id: str) -> CountingPurse:
        await pause()
        purse = await super().open(request, decision_id=decision_id)
        self.purses[-1] = SlowPurse(purse.request)
        return self.purses[-1]


class SlowClient:
    """Fails as told, then answers in two pieces, with a pause before everything."""

    def __init__(self, failures: list[FailureKind]) -> None:
        self._failures = iter(failures)
        self.asked = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        async for piece in self.stream(request):
            if isinstance(piece, ModelReply):
                return piece
        raise AssertionError

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta | ModelReply]:
        self.asked += 1
        await pause()
        failure = next(self._failures, None)
        if failure is not None:
            raise ProviderError(failure, model=request.arm.id, input_tokens=5)
        yield Delta(text="one ")
        await pause()
        yield Delta(text="two")
        await pause()
        yield ModelReply(text="one two", input_tokens=5, output_tokens=2)

    async def aclose(self) -> None:
        """Nothing to release."""


@dataclass
class World:
    """An engine that pauses before everything it does."""

    engine: Engine
    till: SlowTill
    client: SlowClient
    heard: list[Event]


async def _world(failures: list[FailureKind], *, refused: bool) -> World:
    heard: list[Event] = []
    till = SlowTill({"cheap": [exceeded()]} if refused else {})
    client = SlowClient(failures)
    options = Options(
        models=(CHEAP, DEAR),
        client=client,
        encoder=HashingEncoder(),
        policy="cheapest",
        goal=Goal(budget=0.01),
        seed=0,
        sleep=lambda _: pause(),
        clock=ManualClock(),
    )
    parts = assemble(options, Settings(num_retries=2, app_retries=1))
    engine = await open_engine(replace(parts, till=till.on), announce=heard.append)
    return World(engine, till, client, heard)


async def _served(engine: Engine, *, streaming: bool, leave_after: int | None) -> None:
    errand = Errand(query=Query("hello"), continue_cut=True)
    if not streaming:
        await engine.complete(errand)
        return
    async with await engine.stream(errand) as stream:
        read = 0
        async for _ in stream:
            read += 1
            if read == leave_after:
                return


_failures = st.lists(
    st.sampled_from(
        [FailureKind.SERVER, FailureKind.EMPTY, FailureKind.BAD_REQUEST, FailureKind.AUTHENTICATION]
    ),
    max_size=6,
)


@given(
    _failures,
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 60),
    st.none() | st.integers(1, 2),
)
async def test_every_attempt_is_settled_and_logged_once_wherever_it_ends(
    failures: list[FailureKind],
    refused: bool,
    streaming: bool,
    cancel_after: int | None,
    leave_after: int | None,
) -> None:
    """Cancelled after any number of turns of the loop, or left after any piece: the books agree."""
    world = await _world(failures, refused=refused)
    task = asyncio.create_task(_served(world.engine, streaming=streaming, leave_after=leave_after))
    for _ in range(0 if cancel_after is None else cancel_after):
        await pause()
    if cancel_after is not None:
        task.cancel()
    try:
        await task
        ended: BaseException | None = None
    except (asyncio.CancelledError, ConduitError) as error:
        ended = error
    _check_books(world)
    _check_ends(world, ended)
    assert world.engine.serving.executor.breakers.closed_to() <= {"cheap", "dear"}
    await world.engine.aclose()


def _check_books(world: World) -> None:
    """One settlement a purse, one log entry a call, and a pacer that knows the sum."""
    executions = [event.execution for event in world.heard if isinstance(event, Executed)]
    settled = [purse.settled for purse in world.till.purses]
    assert all(len(once) == 1 for once in settled)
    paid = [once[0] for once in settled]
    assert [it for it in paid if it in executions] == executions
    assert len(executions) == world.client.asked
    assert sum(it.cost for it in paid) == pytest.approx(sum(it.cost for it in executions))
    steering = world.engine.decider.steering
    assert isinstance(steering, BudgetPerRequest)
    assert steering.pacer.spent == pytest.approx(sum(it.cost for it in executions))


def _check_ends(world: World, ended: BaseException | None) -> None:
    """Each decided query ends once: answered, failed, or left by its caller."""
    ends = [event for event in world.heard if isinstance(event, Completed | Failed)]
    decided = [event.decision for event in world.heard if isinstance(event, Decided)]
    if not decided:
        assert ends == []
        return
    (end,) = ends
    if isinstance(end, Failed):
        assert end.decision_id == decided[-1].id
        assert end.error is (ended if isinstance(ended, ConduitError) else None)
    else:
        assert end.response.decision_id == decided[-1].id


async def test_work_that_is_shielded_ends_before_the_cancellation_goes_on() -> None:
    """However often one cancels, it is done once, and the cancellation is not swallowed."""
    begun, may_end, done = asyncio.Event(), asyncio.Event(), list[int]()

    async def work() -> None:
        begun.set()
        await may_end.wait()
        done.append(1)

    task = asyncio.create_task(finish(work()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [1]


async def test_a_failure_of_shielded_work_is_not_hidden(caplog: pytest.LogCaptureFixture) -> None:
    """It is raised to those who stay, and logged where they have gone."""
    may_end = asyncio.Event()

    async def work() -> None:
        await may_end.wait()
        raise ConduitError("the ledger is away")

    staying, leaving = asyncio.create_task(finish(work())), asyncio.create_task(finish(work()))
    await asyncio.sleep(0)
    leaving.cancel()
    may_end.set()
    with pytest.raises(ConduitError, match="away"):
        await staying
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert "the ledger is away" in caplog.text


async def test_a_cancelled_attempt_after_a_failed_one_is_the_only_one_given_up() -> None:
    """What failed before has its own entry, cost and lesson."""
    world = await _world([FailureKind.BAD_REQUEST], refused=False)
    async with await world.engine.stream(Errand(query=Query("hello"))):
        pass
    executions = [event.execution for event in world.heard if isinstance(event, Executed)]
    assert [(it.arm, it.failure, it.finish_reason) for it in executions] == [
        ("cheap", FailureKind.BAD_REQUEST, None),
        ("dear", None, CANCELLED),
    ]
    await world.engine.aclose()
