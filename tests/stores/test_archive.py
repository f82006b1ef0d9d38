"""Learned state in a file: exact, portable, checked before anything is touched."""

from __future__ import annotations

import asyncio
import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from conduit.core.archive import Archive
from conduit.core.clocks import ManualClock
from conduit.core.errors import LayoutMismatchError, StoreError
from conduit.core.statistics import Source
from conduit.stores.archive import Into, put_in, shared_sources, take_out
from conduit.stores.archive_file import load_archive, save_archive
from conduit.stores.direct import opened
from conduit.stores.sql import SQLStore
from conduit.stores.sql_evidence import read_sources
from tests.stores.builders import ARMS, LAYOUT
from tests.stores.conftest import new_database
from tests.stores.refitting import (
    START,
    a_source,
    assert_same,
    learn,
    load,
    rate,
    refit,
    some_evidence,
)
from tests.stores.test_purge import assert_identical


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def learned(where: str, clock: ManualClock) -> str:
    """A database that was taught, has learned, and forgets."""

    async def fill() -> None:
        store = SQLStore(where, clock=clock)
        await store.open()
        await store.set_half_life(1e6 / 3)
        evidence = {(ARMS[1], "quality"): some_evidence(1)}
        await store.absorb(evidence, source=a_source("labels", clock), layout=LAYOUT)
        await store.close()
        await learn(where, clock, 1, 2, 3)

    asyncio.run(fill())
    return where


def export(path: str | Path, file: Path, clock: ManualClock) -> str:
    with opened(path) as database:
        return save_archive(take_out(database, clock=clock), file)


def take_in(
    path: str | Path, file: Path, clock: ManualClock, into: Into = Into.EMPTY
) -> Source | None:
    with opened(path) as database:
        return put_in(
            database, load_archive(file), name=file.name, into=into, clock=clock, actor="tester"
        )


def test_a_round_trip_is_exact_to_the_bit(learned: str, tmp_path: Path, clock: ManualClock) -> None:
    """Sums, landmarks, half-life and sources arrive as they left, and rebuild to themselves."""
    file, other = tmp_path / "learned.zip", new_database(tmp_path / "other.db")
    export(learned, file, clock)
    assert take_in(other, file, clock) is None
    before, after = asyncio.run(load(learned, clock)), asyncio.run(load(other, clock))
    assert_identical(after, before)
    assert after.forgetting == before.forgetting
    for key, sums in before.statistics.items():
        assert after.statistics[key].landmark == sums.landmark
    with opened(other) as database:
        assert [it.name for it in shared_sources(database, load_archive(file))] == ["labels"]
    refit(other, clock)
    assert_identical(asyncio.run(load(other, clock)), before)


def test_merging_counts_a_file_once(learned: str, tmp_path: Path, clock: ManualClock) -> None:
    """Evidence adds to what is there; the second time nothing changes and it is said."""
    file, other = tmp_path / "learned.zip", new_database(tmp_path / "other.db")
    asyncio.run(learn(other, clock, 4))
    export(learned, file, clock)
    assert take_in(other, file, clock, Into.MERGE) is None
    once = asyncio.run(load(other, clock))
    assert once.statistics[ARMS[0], "quality"].count == 4
    known = take_in(other, file, clock, Into.MERGE)
    assert known is not None
    assert known.name == "learned.zip"
    assert asyncio.run(load(other, clock)).version == once.version
    refit(other, clock)
    assert_same(asyncio.run(load(other, clock)), once)


def test_a_later_export_of_the_same_database_is_not_merged(
    learned: str, tmp_path: Path, clock: ManualClock
) -> None:
    """It holds what the earlier one held; said in one line, nothing changes, and --replace takes it."""
    first, later = tmp_path / "first.zip", tmp_path / "later.zip"
    other = new_database(tmp_path / "other.db")
    asyncio.run(learn(other, clock, 4))
    export(learned, first, clock)
    take_in(other, first, clock, Into.MERGE)
    asyncio.run(learn(learned, clock, 5))
    export(learned, later, clock)
    before = asyncio.run(load(other, clock))
    with pytest.raises(StoreError, match="would count twice; take it in with --replace"):
        take_in(other, later, clock, Into.MERGE)
    assert_identical(asyncio.run(load(other, clock)), before)
    assert take_in(other, later, clock, Into.REPLACE) is None
    assert_identical(asyncio.run(load(other, clock)), asyncio.run(load(learned, clock)))


def test_no_evidence_comes_back_by_way_of_another_database(
    learned: str, tmp_path: Path, clock: ManualClock
) -> None:
    """Neither its own export nor that of one which had merged it is merged into a database."""
    own, theirs = tmp_path / "own.zip", tmp_path / "theirs.zip"
    other, third = new_database(tmp_path / "other.db"), new_database(tmp_path / "third.db")
    for number, path in ((4, other), (5, third)):
        asyncio.run(learn(path, clock, number))
    export(learned, own, clock)
    take_in(other, own, clock, Into.MERGE)
    export(other, theirs, clock)
    for file in (own, theirs):
        with pytest.raises(StoreError, match="would count twice"):
            take_in(learned, file, clock, Into.MERGE)
    assert take_in(third, theirs, clock, Into.MERGE) is None
    assert asyncio.run(load(third, clock)).statistics[ARMS[0], "quality"].count == 5
    known = take_in(third, own, clock, Into.MERGE)
    assert known is not None, "what another file brought along counts as merged"
    asyncio.run(learn(learned, clock, 6))
    export(learned, own, clock)
    with pytest.raises(StoreError, match="would count twice"):
        take_in(third, own, clock, Into.MERGE)


def test_a_file_that_does_not_say_whose_it_is_is_merged(
    learned: str, tmp_path: Path, clock: ManualClock
) -> None:
    """Exports of earlier versions are taken in as they were."""
    file = tmp_path / "learned.zip"
    export(learned, file, clock)
    manifest = of_manifest(databases=())
    rewritten(file, manifest)
    assert take_in(learned, file, clock, Into.MERGE) is None


def test_replacing_sets_aside_what_the_log_says(
    learned: str, tmp_path: Path, clock: ManualClock
) -> None:
    """The file's state holds, for a rebuild and a late correction too; new ratings count."""
    file, other = tmp_path / "learned.zip", new_database(tmp_path / "other.db")
    asyncio.run(learn(other, clock, 4))
    export(learned, file, clock)
    take_in(other, file, clock, Into.REPLACE)
    wanted = asyncio.run(load(learned, clock))
    assert_identical(asyncio.run(load(other, clock)), wanted)
    asyncio.run(rate(other, clock, 4, 0.9))
    assert_identical(asyncio.run(load(other, clock)), wanted)
    asyncio.run(learn(other, clock, 5))
    before = asyncio.run(load(other, clock))
    assert before.statistics[ARMS[0], "quality"].count == 4
    refit(other, clock)
    assert_same(asyncio.run(load(other, clock)), before)


def test_what_was_replaced_can_be_learned_again(
    learned: str, tmp_path: Path, clock: ManualClock
) -> None:
    """Evidence that gave way is no longer on record: merged again, it counts."""
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    other, third = new_database(tmp_path / "other.db"), new_database(tmp_path / "third.db")
    export(learned, first, clock)
    asyncio.run(learn(other, clock, 4))
    export(other, second, clock)
    take_in(third, first, clock)
    take_in(third, second, clock, Into.REPLACE)
    assert asyncio.run(load(third, clock)).statistics[ARMS[0], "quality"].count == 1
    assert take_in(third, first, clock, Into.MERGE) is None
    assert asyncio.run(load(third, clock)).statistics[ARMS[0], "quality"].count == 4
    with opened(third) as database, database.read() as conn:
        names = [source.name for source in read_sources(conn)]
    assert names == ["second.zip", "first.zip", "labels"]


def test_a_database_that_has_learned_wants_to_be_asked(
    learned: str, tmp_path: Path, clock: ManualClock
) -> None:
    """Neither merged nor replaced unless that is said."""
    file = tmp_path / "learned.zip"
    export(learned, file, clock)
    with pytest.raises(StoreError, match=r"add --merge .*, or --replace"):
        take_in(learned, file, clock)


def test_another_layout_is_refused(learned: str, tmp_path: Path, clock: ManualClock) -> None:
    """Sums over other contexts mean nothing here; the database stays as it was."""
    file, other = tmp_path / "learned.zip", new_database(tmp_path / "other.db")
    with opened(learned) as database:
        save_archive(replace(take_out(database, clock=clock), layout="another"), file)
    asyncio.run(learn(other, clock, 4))
    before = asyncio.run(load(other, clock))
    for into in (Into.MERGE, Into.REPLACE):
        with pytest.raises(LayoutMismatchError, match="choose the same encoder"):
            take_in(other, file, clock, into)
    assert_identical(asyncio.run(load(other, clock)), before)


def test_equal_state_makes_equal_files(learned: str, tmp_path: Path, clock: ManualClock) -> None:
    """A file is identified by what it says, not by when it was packed."""
    assert export(learned, tmp_path / "a.zip", clock) == export(learned, tmp_path / "b.zip", clock)


def an_archive(**changes: Any) -> Archive:
    values: dict[str, Any] = {
        "layout": LAYOUT,
        "dim": 4,
        "half_life": math.inf,
        "statistics": {(ARMS[0], "quality"): some_evidence(1, START)},
        "created": START,
    }
    return Archive(**(values | changes))


def rewritten(file: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    with ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def of_manifest(**values: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members["manifest.json"] = json.dumps(
            json.loads(members["manifest.json"]) | values
        ).encode()

    return change


def tampered(members: dict[str, bytes]) -> None:
    members["b.npy"] = members["b.npy"][:-1] + b"\x00"


def pickled(members: dict[str, bytes]) -> None:
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], object), allow_pickle=True)
    members["b.npy"] = stream.getvalue()


BROKEN = {
    "another format version": (of_manifest(version=99), "format version 99"),
    "another kind of file": (of_manifest(format="x"), "is no export of learned state"),
    "changed": (tampered, "b.npy is not what its manifest says"),
    "pickled": (pickled, "b.npy is not what its manifest says"),
    "without an array": (lambda members: members.pop("A.npy"), "no complete export"),
    "of another size": (of_manifest(dim=3), "no complete export|is not what"),
    "of no size": (of_manifest(dim=-1), "no complete export"),
    "of a huge size": (of_manifest(dim=10**9), "no complete export"),
    "of an unknown head": (of_manifest(pairs=[["a", "luck"]]), "no complete export"),
    "without a list": (of_manifest(pairs=7), "no complete export"),
    "with a strange half-life": (of_manifest(half_life=-1), "cannot be learned from"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_not_as_it_was_written_is_refused(tmp_path: Path, name: str) -> None:
    """One line says what is wrong and what to do."""
    change, said = BROKEN[name]
    file = tmp_path / "learned.zip"
    save_archive(an_archive(), file)
    rewritten(file, change)
    with pytest.raises(StoreError, match=said) as caught:
        load_archive(file)
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    """Half an upload never becomes half a state."""
    file = tmp_path / "learned.zip"
    save_archive(an_archive(), file)
    data = file.read_bytes()
    for length in range(0, len(data) - 1, 97):
        file.write_bytes(data[:length])
        with pytest.raises(StoreError, match="no complete export"):
            load_archive(file)


@pytest.mark.parametrize(
    "change",
    [
        {"yy": math.nan},
        {"yy": -1.0},
        {"weight": math.inf},
        {"count": -1},
        {"b": np.full(4, 1e9)},
        {"landmark": math.inf},
    ],
)
def test_sums_that_no_observations_have_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """A well-formed file of impossible numbers would poison the state for ever."""
    sums = replace(some_evidence(1, START), **change)
    save_archive(an_archive(statistics={(ARMS[0], "quality"): sums}), tmp_path / "x.zip")
    with pytest.raises(StoreError, match=r"cannot be learned from|no complete export"):
        load_archive(tmp_path / "x.zip")


def test_a_file_with_any_bit_of_its_directory_changed_is_refused_or_the_same(
    tmp_path: Path,
) -> None:
    """Whatever zip says of it, the answer is one line; a date or a comment may change."""
    path = tmp_path / "learned.zip"
    save_archive(an_archive(), path)
    data, good = path.read_bytes(), load_archive(path)
    for place in range(data.index(b"PK\x01\x02"), len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            path.write_bytes(changed)
            try:
                found = load_archive(path)
            except StoreError:
                continue
            assert found.statistics.keys() == good.statistics.keys()
            assert all(found.statistics[key].equals(sums) for key, sums in good.statistics.items())


@pytest.mark.parametrize("place", [".", "/", ""])
def test_a_place_without_a_name_is_refused(place: str) -> None:
    """A folder, or nothing at all, names no file."""
    with pytest.raises(StoreError, match="names no file"):
        save_archive(an_archive(), place)


def test_no_file_and_a_file_of_something_else(tmp_path: Path) -> None:
    """A path that is not there and a text file are one line each."""
    with pytest.raises(StoreError, match="cannot be read"):
        load_archive(tmp_path / "nothing.zip")
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(StoreError, match="no complete export"):
        load_archive(tmp_path / "text.zip")
