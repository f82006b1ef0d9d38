"""What replicas share: documents that are replaced as a whole, the record of edits, the pulse."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from conduit.core.outcomes import Signal
from conduit.core.ports import Store
from conduit.core.sharing import Document, Edit, Folded
from conduit.stores.sql import SQLStore
from tests.stores.builders import a_decision, an_observation
from tests.stores.conftest import Backend

EDIT = Edit(at=1.5, actor="anna", action="set_price", subject="gpt-4o", after={"input": 2.5})


async def test_a_document_is_what_was_put_last(store: Store) -> None:
    """Nothing at first; then the value, of any JSON, with a version that grows by one."""
    assert await store.document("portfolio") is None
    value = {"arms": [{"id": "Ümlaut ☃", "price": None}], "deep": {"x": [1, 2.5, True]}}
    assert await store.put_document("portfolio", value, expected=0)
    assert await store.document("portfolio") == Document(value=value, version=1)
    assert await store.put_document("portfolio", {}, expected=1)
    assert await store.document("portfolio") == Document(value={}, version=2)
    assert await store.document("other") is None


async def test_a_late_writer_changes_nothing(store: Store) -> None:
    """A value made from an older version is refused, and so is its record."""
    assert await store.put_document("pacer", {"n": 1}, expected=0)
    for expected in (0, 2):
        assert not await store.put_document("pacer", {"n": 9}, expected=expected, edit=EDIT)
    assert await store.document("pacer") == Document(value={"n": 1}, version=1)
    assert await store.edits() == ()


async def test_of_writers_at_once_one_wins(store: Store) -> None:
    """However many are first at once, one is; counting by compare and swap loses no step."""

    async def count_up() -> None:
        while True:
            known = await store.document("n")
            n, version = (0, 0) if known is None else (known.value["n"], known.version)
            if await store.put_document("n", {"n": n + 1}, expected=version):
                return

    await asyncio.gather(*(count_up() for _ in range(12)))
    assert await store.document("n") == Document(value={"n": 12}, version=12)


async def test_a_value_put_is_not_shared_with_the_caller(store: Store) -> None:
    """Changing the dictionary afterwards changes nothing in the store."""
    value = {"n": [1]}
    await store.put_document("n", value, expected=0)
    value["n"].append(2)
    assert await store.document("n") == Document(value={"n": [1]}, version=1)


async def test_edits_are_kept_newest_first(store: Store) -> None:
    """Who changed what comes back as it was put on record, the newest first, as many as asked."""
    for version, actor in enumerate("abc"):
        edit = replace(EDIT, actor=actor)
        assert await store.put_document("prices", {"v": version}, expected=version, edit=edit)
    assert await store.edits() == tuple(replace(EDIT, actor=actor) for actor in "cba")
    assert [edit.actor for edit in await store.edits(limit=2)] == ["c", "b"]


async def test_documents_outlive_the_process(backend: Backend) -> None:
    """Opened again, documents and edits are there."""
    store = backend.connect()
    await store.open()
    await store.put_document("n", {"n": 1}, expected=0, edit=EDIT)
    await store.close()
    again = backend.connect()
    await again.open()
    assert await again.document("n") == Document(value={"n": 1}, version=1)
    assert await again.edits() == (EDIT,)
    await again.close()


async def test_the_pulse_moves_with_every_change(store: Store) -> None:
    """A fold moves the state's version, a document its own; reading moves nothing."""
    before = await store.pulse()
    assert before.documents == {}
    await store.add_decision(a_decision())
    await store.observe([an_observation()])
    waiting = await store.pulse()
    assert (waiting.state, waiting.documents) == (before.state, {})
    assert waiting.pending
    done = await store.fold()
    assert done == Folded(count=1, before=before.state, after=before.state + 1)
    assert (await store.pulse()).state == done.after == (await store.load()).version
    await store.put_document("n", {}, expected=0)
    assert (await store.pulse()).documents == {"n": 1}
    assert await store.fold(wait=False) == Folded(before=done.after, after=done.after)


def test_folds_that_others_interrupt_begin_anew() -> None:
    """Two folds in a row are one; with another's between them only the last part is accounted for."""
    first = Folded(count=3, before=4, after=5)
    assert first + Folded(count=2, before=5, after=6) == Folded(count=5, before=4, after=6)
    assert first + Folded(count=2, before=7, after=8) == Folded(count=5, before=7, after=8)


async def test_a_fold_knows_what_others_observed(path: Path) -> None:
    """What another store on the same database has observed is counted apart."""
    one, other = SQLStore(path), SQLStore(path)
    await asyncio.gather(one.open(), other.open())
    await one.add_decision(a_decision())
    await one.observe([an_observation(value=0.4)])
    await other.observe([an_observation(value=0.5), an_observation(signal=Signal.LATENCY)])
    assert await one.fold() == Folded(count=3, foreign=2, before=0, after=1)
    await asyncio.gather(one.close(), other.close())
