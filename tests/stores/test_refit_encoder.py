"""A rebuild in the contexts of another encoder."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conduit.core.clocks import ManualClock
from conduit.core.decisions import Decision
from conduit.core.errors import LayoutMismatchError, StoreError
from conduit.core.ports import Store
from conduit.core.statistics import Source, SufficientStatistics
from conduit.stores import new_contexts
from conduit.stores.refit import Encoding
from conduit.stores.sql import SQLStore
from conduit.stores.supabase import SupabaseStore
from tests.servers.supabase import SERVICE_KEY
from tests.stores.builders import ARMS, DIM, LAYOUT
from tests.stores.conftest import DATABASES, new_database
from tests.stores.refitting import (
    START,
    a_source,
    assert_same,
    decided,
    load,
    observed,
    rate,
    refit,
    some_evidence,
)


def with_text(number: int, clock: ManualClock, text: str | None) -> Decision:
    decision = decided(number, clock)
    return replace(decision, features=replace(decision.features, text=text))


async def learn_texts(where: str, clock: ManualClock, texts: list[str | None]) -> None:
    store = SQLStore(where, clock=clock)
    await store.open()
    for number, text in enumerate(texts, start=1):
        await store.add_decision(with_text(number, clock, text))
        await store.observe([observed(number, 0.5, clock)])
    await store.close()


def lengths(texts: Any) -> Any:
    """Contexts of a bias and the length of the prompt."""
    return np.array([[1.0, len(text)] for text in texts], np.float32)


OTHER = Encoding(layout="lengths", dim=2, contexts=lengths)


def test_another_encoder_learns_from_the_prompts_anew(where: str) -> None:
    """State and log are in the new layout, so corrections and later rebuilds go on in it."""
    clock = ManualClock(START)
    asyncio.run(learn_texts(where, clock, ["a", "bb", "ccc"]))
    done = refit(where, clock, encoding=OTHER)
    assert (done.layout, done.rewritten, done.skipped) == ("lengths", 3, 0)
    quality = asyncio.run(load(where, clock)).statistics[ARMS[0], "quality"]
    np.testing.assert_allclose(quality.A, [[3, 6], [6, 14]])
    np.testing.assert_allclose(quality.b, [1.5, 3.0])
    asyncio.run(rate(where, clock, 3, 1.0))
    corrected = asyncio.run(load(where, clock))
    np.testing.assert_allclose(corrected.statistics[ARMS[0], "quality"].b, [2.0, 4.5])
    assert refit(where, clock).rewritten == 0
    assert_same(asyncio.run(load(where, clock)), corrected)


def test_evidence_without_prompts_goes_only_when_that_is_said(where: str) -> None:
    """Another encoder is refused with the count of what would be lost, and the state stays."""
    clock = ManualClock(START)
    asyncio.run(learn_texts(where, clock, ["a", None, None]))
    before = asyncio.run(load(where, clock))
    with pytest.raises(StoreError, match="lose 2 observed decisions without their prompts"):
        refit(where, clock, encoding=OTHER)
    assert_same(asyncio.run(load(where, clock)), before)
    done = refit(where, clock, encoding=OTHER, drop_unreadable=True)
    assert (done.rewritten, done.skipped, done.observations) == (1, 2, 1)
    after = asyncio.run(load(where, clock))
    assert after.statistics[ARMS[0], "quality"].count == 1
    assert refit(where, clock).skipped == 2


def test_a_temporary_folder_that_is_missing_or_full_is_one_line(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only another encoder needs the folder; without it nothing is changed, and others fold again."""
    clock = ManualClock(START)
    asyncio.run(learn_texts(where, clock, ["a", "bb"]))
    before = asyncio.run(load(where, clock))
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    with pytest.raises(
        StoreError, match="No such file or directory; free some space there, or set"
    ):
        refit(where, clock, encoding=OTHER)
    assert refit(where, clock).observations == 2
    monkeypatch.setattr(
        new_contexts,
        "TemporaryFile",
        lambda *_, **__: Path("/dev/full").open("w+"),  # noqa: SIM115 - closed by who asked
    )
    with pytest.raises(StoreError, match="No space left on device; free some space there, or set"):
        refit(where, clock, encoding=OTHER)
    assert asyncio.run(rate(where, clock, 1, 1.0)) == 1
    assert asyncio.run(load(where, clock)).statistics.keys() == before.statistics.keys()


def test_absorbed_evidence_goes_to_no_other_layout_unasked(where: str) -> None:
    """Sums of a warm start have no prompts; once they are gone, the source may come again."""
    clock = ManualClock(START)
    asyncio.run(learn_texts(where, clock, ["a"]))

    async def absorb() -> Source | None:
        store = SQLStore(where, clock=clock)
        await store.open()
        evidence = {(ARMS[1], "quality"): some_evidence(1)}
        if (await store.load()).statistics[ARMS[0], "quality"].dim != DIM:
            evidence = {(ARMS[1], "quality"): SufficientStatistics.of(np.eye(2), np.ones(2))}
        layout = LAYOUT if evidence[ARMS[1], "quality"].dim == DIM else "lengths"
        known = await store.absorb(evidence, source=a_source("s", clock), layout=layout)
        await store.close()
        return known

    assert asyncio.run(absorb()) is None
    with pytest.raises(StoreError, match="absorbed or purged evidence of 1 models"):
        refit(where, clock, encoding=OTHER)
    refit(where, clock, encoding=OTHER, drop_unreadable=True)
    assert (ARMS[1], "quality") not in asyncio.run(load(where, clock)).statistics
    assert asyncio.run(absorb()) is None


@pytest.mark.parametrize("kind", [*DATABASES, "supabase"])
def test_observations_of_another_layout_are_never_folded(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that still decides in the old layout is refused the state; its ratings are kept."""
    clock = ManualClock(START)
    if kind == "sqlite":
        where = str(new_database(tmp_path / "conduit.db"))
    else:
        where = request.getfixturevalue("databases").new()
    server = request.getfixturevalue("supabase_server") if kind == "supabase" else None
    asyncio.run(learn_texts(where, clock, ["a", "bb"]))

    async def late(old: Store) -> None:
        await old.append([with_text(3, clock, "ccc")], [])
        await old.add_decision(with_text(4, clock, "dddd"))
        await old.observe([observed(3, 1.0, clock)])

    async def go() -> None:
        old: Store = SQLStore(where, clock=clock)
        if server is not None:
            old = SupabaseStore(server.project(where), SERVICE_KEY, clock=clock)
        await old.open()
        await old.bind_layout(LAYOUT, DIM)
        await asyncio.to_thread(lambda: refit(where, clock, encoding=OTHER))
        await late(old)
        with pytest.raises(LayoutMismatchError, match="is of layout 'lengths'"):
            await old.load()
        await old.close()

    asyncio.run(go())
    assert asyncio.run(load(where, clock)).statistics[ARMS[0], "quality"].count == 2
    assert "1 observations of decisions in another layout" in caplog.text
    done = refit(where, clock, encoding=OTHER)
    assert (done.rewritten, done.observations) == (2, 3)
    assert asyncio.run(load(where, clock)).statistics[ARMS[0], "quality"].count == 3
