"""Rebuild of learned state from the log, while others go on serving (docs/adr/0018)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import IO, TypeAlias
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from conduit.core.errors import StoreError
from conduit.core.ports import Clock
from conduit.core.sharing import Edit
from conduit.core.statistics import SufficientStatistics
from conduit.stores import sql_refit as unit
from conduit.stores.delta import StateKey
from conduit.stores.direct import Database
from conduit.stores.new_contexts import note_context, noted_contexts, notes
from conduit.stores.sql_adjustments import newest, read_adjustments
from conduit.stores.sql_contributions import Remembered, contributions, count_decisions, pages
from conduit.stores.sql_learning import fold, is_pending
from conduit.stores.sql_state import read_base, read_forgetting, stored_layout

RENEWED_EVERY = 15.0
"""Seconds after which a lease is renewed, a quarter of its time."""

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many decisions of how many have been read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """Another layout of contexts, and how prompts become them.

    Args:
        layout: its identity.
        dim: length of a context.
        contexts: texts to contexts, (n, dim) float32.
    """

    layout: str
    dim: int
    contexts: Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """What a rebuild did.

    Args:
        layout: of the learned state.
        version: of the learned state.
        decisions: read from the log.
        observations: of them.
        rewritten: decisions that were given a context of the new layout.
        skipped: decisions of another layout, whose evidence is not in the state.
    """

    layout: str
    version: int
    decisions: int
    observations: int
    rewritten: int
    skipped: int


class Refitting:
    """One rebuild of one database.

    Args:
        database: to be rebuilt.
        clock: dates leases, and no decision is younger than its now.
        actor: who asks for it.
        encoding: the layout to rebuild in; None keeps the present one.
        drop_unreadable: whether evidence whose prompts are not stored may go.
        progress: is told page by page.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        actor: str,
        encoding: Encoding | None = None,
        drop_unreadable: bool = False,
        progress: Progress = lambda *_: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._actor = actor
        self._encoding = encoding
        self._drops = drop_unreadable
        self._progress = progress
        self._token = uuid4().hex
        self._renewed_at = clock.now()

    def run(self) -> Refit:
        """Rebuild and swap.

        Raises:
            StoreError: for a database that has learned nothing, evidence that would be lost, a
                lease that is another's, or a temporary folder without room; nothing is changed then.
        """
        layout = self._layout()
        self._begin()
        try:
            with notes(expected=self._encoding is not None) as file:
                done, rebuilt = self._read(layout, file)
                with self._database.write() as conn:
                    version = unit.swap(
                        conn,
                        self._token,
                        rebuilt,
                        rewritten=noted_contexts(file),
                        edit=self._edit(done),
                        drops=self._drops,
                    )
        except BaseException:
            with self._database.write() as conn:
                unit.release(conn, self._token)
            raise
        return replace(done, version=version)

    def _layout(self) -> tuple[str, int]:
        """The layout to rebuild in, once it is known that nothing is lost unasked."""
        with self._database.read() as conn:
            stored = stored_layout(conn)
            if stored is None:
                raise StoreError(
                    f"{self._database.address.place} has learned nothing yet",
                    remedy="there is nothing to rebuild",
                )
            wanted = stored
            if self._encoding is not None:
                wanted = self._encoding.layout, self._encoding.dim
            if not self._drops:
                self._check_kept(conn, stored, wanted)
        return wanted

    def _check_kept(
        self, conn: Connection, stored: tuple[str, int], wanted: tuple[str, int]
    ) -> None:
        lost = []
        if self._encoding is not None and (count := unit.unreadable(conn, wanted[0])):
            lost.append(f"{count:,} observed decisions without their prompts")
        if stored != wanted and (base := read_base(conn)):
            lost.append(f"absorbed or purged evidence of {len({arm for arm, _ in base})} models")
        if stored == wanted and (count := unit.unrecorded_sources(conn)):
            lost.append(f"what an earlier version absorbed (sources: {count})")
        if lost:
            raise StoreError(
                f"a rebuild would lose {' and '.join(lost)}",
                remedy="add --drop-unreadable to let it go",
            )

    def _begin(self) -> None:
        """Fold in small parts first, so that the transaction with the lease is short."""
        while True:
            with self._database.write() as conn:
                done = fold(conn, now=self._clock.now()) if is_pending(conn) else None
            if done is None or not done.count:
                break
        with self._database.write() as conn:
            unit.begin(conn, self._token, now=self._clock.now())

    def _read(self, layout: tuple[str, int], file: IO[str]) -> tuple[Refit, unit.Rebuilt]:
        """Go through the log as of one moment."""
        done = Refit(
            layout=layout[0], version=0, decisions=0, observations=0, rewritten=0, skipped=0
        )
        log: dict[StateKey, SufficientStatistics] = {}
        with self._database.read() as conn:
            total, era, forgetting = count_decisions(conn), newest(conn), read_forgetting(conn)
            adjustments, pending = read_adjustments(conn), unit.pending_ids(conn)
            for page in pages(conn):
                kept = self._in_layout(page, layout[0], file)
                log = contributions(
                    log,
                    kept,
                    adjustments=adjustments,
                    forgetting=forgetting,
                    now=self._clock.now(),
                )
                done = _counted(done, page, kept, layout[0])
                self._renew()
                self._progress(done.decisions, total)
        return done, unit.Rebuilt(layout=layout, log=log, newest=era, pending=pending)

    def _in_layout(
        self, page: Sequence[Remembered], layout: str, file: IO[str]
    ) -> list[Remembered]:
        """Decisions of the layout, and those whose prompts can be encoded in it."""
        kept = [decision for decision in page if decision.layout == layout]
        others = [it for it in page if it.layout != layout and it.text is not None]
        if self._encoding is None or not others:
            return kept
        contexts = self._encoding.contexts([it.text for it in others if it.text is not None])
        for decision, context in zip(others, contexts, strict=True):
            note_context(file, decision.id, context, layout=layout)
            kept.append(replace(decision, context=context))
        return kept

    def _renew(self) -> None:
        now = self._clock.now()
        if now - self._renewed_at >= RENEWED_EVERY:
            with self._database.write() as conn:
                unit.renew(conn, self._token, now=now)
            self._renewed_at = now

    def _edit(self, done: Refit) -> Edit:
        return Edit(
            at=self._clock.now(),
            actor=self._actor,
            action="refit",
            subject=done.layout,
            after={
                "decisions": done.decisions,
                "observations": done.observations,
                "rewritten": done.rewritten,
                "skipped": done.skipped,
            },
        )


def _counted(
    done: Refit, page: Sequence[Remembered], kept: Sequence[Remembered], layout: str
) -> Refit:
    return replace(
        done,
        decisions=done.decisions + len(page),
        observations=done.observations + sum(len(it.observations) for it in kept),
        rewritten=done.rewritten + sum(it.layout != layout for it in kept),
        skipped=done.skipped + len(page) - len(kept),
    )
