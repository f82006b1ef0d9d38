"""Forgetting decisions and costs, with prompts and users, while what was learned stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import ColumnElement, Connection, Table

from conduit.core.errors import InvalidInputError
from conduit.core.ports import Clock
from conduit.core.sharing import Edit
from conduit.stores import sql_purge as unit
from conduit.stores import sql_purge_costs as money
from conduit.stores.direct import Database
from conduit.stores.sql_documents import record_edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which decisions and costs to forget; with both limits, those that meet both.

    Args:
        older_than: seconds since they were made; None for any age.
        user: whose they are; None for anybody's.

    Raises:
        InvalidInputError: for no limit at all, or an age below 0.
    """

    older_than: float | None = None
    user: str | None = None

    def __post_init__(self) -> None:
        if self.older_than is None and self.user is None:
            raise InvalidInputError(
                "nothing says what to forget", remedy="give --older-than 30d, --user ID, or both"
            )
        if self.older_than is not None and not self.older_than >= 0:
            raise InvalidInputError(
                f"an age of {self.older_than:g} s is negative", remedy="give 0 or more"
            )


def preview(database: Database, wanted: Wanted, *, clock: Clock) -> Mapping[str, int]:
    """How many rows would go, per kind; changes nothing."""
    with database.read() as conn:
        return unit.count(conn, _condition(wanted, clock)) | money.count(conn, _paid(wanted, clock))


def purge(
    database: Database,
    wanted: Wanted,
    *,
    clock: Clock,
    actor: str,
    progress: Callable[[int], None] = lambda _: None,
) -> Mapping[str, int]:
    """Forget decisions and costs, batch by batch; how many rows went, per kind.

    Decisions that are made meanwhile are not older than the moment it began. Interrupted, the
    batches that were done stay done.

    Args:
        database: to be purged.
        wanted: which decisions.
        clock: tells their age.
        actor: who asks for it.
        progress: is told how many more decisions have gone.

    Raises:
        StoreError: while a rebuild is under way.
    """
    condition, paid = _condition(wanted, clock), _paid(wanted, clock)
    done: Counter[str] = Counter()

    def decisions(conn: Connection) -> dict[str, int]:
        return unit.purge_batch(conn, condition, now=clock.now())

    def costs(conn: Connection) -> dict[str, int]:
        return money.purge_batch(conn, paid)

    for batch in chain(_batches(database, decisions), _batches(database, costs)):
        done.update(batch)
        if batch.get("decisions"):
            progress(batch["decisions"])
    if any(done.values()):
        with database.write() as conn:
            record_edit(conn, _edit(wanted, dict(done), at=clock.now(), actor=actor))
    database.truncate_log()
    return dict(done)


def _batches(
    database: Database, forget: Callable[[Connection], dict[str, int]]
) -> Iterator[dict[str, int]]:
    """What went in each transaction, until nothing is left."""
    while True:
        with database.write() as conn:
            batch = forget(conn)
        yield batch
        if not any(batch.values()):
            return


def _condition(wanted: Wanted, clock: Clock) -> ColumnElement[bool]:
    before = None if wanted.older_than is None else clock.now() - wanted.older_than
    return unit.condition(before=before, user=wanted.user)


def _paid(wanted: Wanted, clock: Clock) -> dict[Table, ColumnElement[bool]]:
    before = None if wanted.older_than is None else clock.now() - wanted.older_than
    return money.conditions(before=before, user=wanted.user)


def _edit(wanted: Wanted, done: Mapping[str, int], *, at: float, actor: str) -> Edit:
    """The record says how much went, and not whose it was."""
    subjects = []
    if wanted.user is not None:
        subjects.append("one user")
    if wanted.older_than is not None:
        subjects.append(f"older than {wanted.older_than:g} s")
    return Edit(at=at, actor=actor, action="purge", subject=", ".join(subjects), before=done)
