"""Others go on serving while learned state is rebuilt."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from conduit.core.clocks import ManualClock
from conduit.core.errors import StoreError
from conduit.core.outcomes import Head
from conduit.stores.direct import opened
from conduit.stores.sql import SQLStore
from tests.stores.builders import ARMS, LAYOUT
from tests.stores.refitting import (
    START,
    a_source,
    assert_same,
    during,
    learn,
    load,
    observed,
    rate,
    refit,
    some_evidence,
)


def test_feedback_during_a_rebuild_is_acknowledged_and_learned_after_it(where: str) -> None:
    """Nothing is folded while it runs; a rating and a correction that came then count once."""
    clock = ManualClock(START)
    asyncio.run(learn(where, clock, 1, 2, 3))
    folded: list[int] = []

    def others() -> None:
        folded.append(asyncio.run(rate(where, clock, 1, 0.9)))
        asyncio.run(learn(where, clock, 4))

    refit(where, clock, progress=during(others))
    assert folded == [0]
    after = asyncio.run(load(where, clock))
    again = refit(where, clock)
    assert again.observations == 4
    assert_same(asyncio.run(load(where, clock)), after)
    quality = after.statistics[ARMS[0], "quality"]
    assert quality.count == 4
    assert quality.yy == pytest.approx(0.9**2 + 0.2**2 + 0.3**2 + 0.4**2)


def test_what_is_absorbed_or_adjusted_during_a_rebuild_is_kept(where: str) -> None:
    """Evidence and shifts that come while the log is read are in the state that is swapped in."""
    clock = ManualClock(START)
    asyncio.run(learn(where, clock, 1, 2, 3))
    before = asyncio.run(load(where, clock)).statistics[ARMS[0], "quality"]
    more = some_evidence(1, START)

    async def teach() -> None:
        store = SQLStore(where, clock=clock)
        await store.open()
        await store.shift(ARMS[0], Head.QUALITY, by=0.25)
        evidence = {(ARMS[0], "quality"): more}
        await store.absorb(evidence, source=a_source("more", clock), layout=LAYOUT)
        await store.close()

    refit(where, clock, progress=during(lambda: asyncio.run(teach())))
    after = asyncio.run(load(where, clock)).statistics[ARMS[0], "quality"]
    wanted = before.shifted(0.25) + more
    np.testing.assert_allclose(after.A, wanted.A, rtol=1e-9)
    np.testing.assert_allclose(after.b, wanted.b, rtol=1e-9)
    assert after.yy == pytest.approx(wanted.yy, rel=1e-9)


def test_what_is_adjusted_before_its_first_fold_is_adjusted_by_it(where: str) -> None:
    """A model first rated during a rebuild takes part in a price change and a discount, once each."""
    clock = ManualClock(START)
    asyncio.run(learn(where, clock, 1))

    async def teach() -> None:
        store = SQLStore(where, clock=clock)
        await store.open()
        await store.observe([observed(1, 0.5, clock, arm=ARMS[1])])
        for _ in range(2):
            await store.shift(ARMS[1], Head.QUALITY, by=0.25, at=START)
            await store.discount(ARMS[1], Head.QUALITY, worth=0.5)
        await store.shift(ARMS[2], Head.QUALITY, by=0.25, at=START)
        assert ARMS[1] not in {arm for arm, _ in (await store.load()).statistics}
        await store.close()

    refit(where, clock, progress=during(lambda: asyncio.run(teach())))
    after = asyncio.run(load(where, clock))
    sums = after.statistics[ARMS[1], "quality"]
    assert (sums.count, sums.weight) == (1, 0.5)
    assert sums.b[0] == pytest.approx(0.5 * (0.5 + 0.25))
    refit(where, clock)
    assert_same(asyncio.run(load(where, clock)), after)


def test_a_rebuild_that_dies_holds_nobody_up_for_long(where: str) -> None:
    """Its lease ends after a minute; until then nothing is folded and no other may begin."""
    clock = ManualClock(START)
    asyncio.run(learn(where, clock, 1))

    class Died(BaseException):
        pass

    def die() -> None:
        with opened(where) as database, database.write() as conn:
            conn.exec_driver_sql("UPDATE meta SET lease = 'of a process that died'")
        raise Died

    with pytest.raises(Died):
        refit(where, clock, progress=during(die))
    assert asyncio.run(rate(where, clock, 1, 0.9)) == 0
    with pytest.raises(StoreError, match="is being rebuilt"):
        refit(where, clock)
    clock.advance(61.0)
    state = asyncio.run(load(where, clock)).statistics[ARMS[0], "quality"]
    assert state.yy == pytest.approx(0.9**2)
    assert refit(where, clock).observations == 1


def test_an_interrupted_rebuild_gives_its_lease_back(where: str) -> None:
    """After Ctrl-C the state is as it was, and folding goes on at once."""
    clock = ManualClock(START)
    asyncio.run(learn(where, clock, 1, 2))
    before = asyncio.run(load(where, clock))

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refit(where, clock, progress=during(interrupt))
    after = asyncio.run(load(where, clock))
    assert after.version == before.version
    assert_same(after, before)
    assert asyncio.run(rate(where, clock, 1, 0.9)) == 1


def test_a_rebuild_that_comes_too_late_changes_nothing(where: str) -> None:
    """Once its lease has ended and another has folded, the swap is refused."""
    clock = ManualClock(START)
    asyncio.run(learn(where, clock, 1, 2))

    def sleep() -> None:
        clock.advance(61.0)
        asyncio.run(rate(where, clock, 1, 0.9))

    with pytest.raises(StoreError, match="run it again"):
        refit(where, clock, progress=during(sleep))
    state = asyncio.run(load(where, clock)).statistics[ARMS[0], "quality"]
    assert state.yy == pytest.approx(0.9**2 + 0.2**2)
