"""One budget for all replicas: what each has spent is added up, and one price of money holds."""

from __future__ import annotations

from conduit.bandits.ledger import Ledger, together
from conduit.bandits.steering import Steering
from conduit.core.ports import Clock, Store
from conduit.core.sharing import Document, Json, Pulse
from conduit.engines.decider import Decider
from conduit.engines.goals import Goal

LEAD = 3600.0
"""Seconds that the clock of another process may be ahead: what claims to be of a later window is void."""


class SharedSteering:
    """Exchanges a decider's spending and price with those of other processes of the same goal.

    Between two exchanges each process goes by what it knew; what it did meanwhile is added by
    compare and swap, so nothing is counted twice or lost, and a restart finds it again.

    Args:
        decider: whose steering it is; nothing is shared without one.
        store: where the figures meet.
        goal: names the document, so that processes of other goals do not disturb.
        clock: tells which windows have not begun yet.
    """

    def __init__(self, decider: Decider, *, store: Store, goal: Goal, clock: Clock) -> None:
        self._decider = decider
        self._clock = clock
        self._store = store
        self._key = "steering: " + " ".join(f"{k}={v:g}" for k, v in goal.given.items())
        self._told = None if decider.steering is None else decider.steering.ledger()
        self._version = -1
        self._asked: tuple[Document, Ledger] | None = None

    async def exchange(self, *, known: Pulse) -> bool:
        """Tell what was done here since the last time, and take up what was done elsewhere.

        Where another process is faster this is left to the next time.

        Args:
            known: how far the store has come, which spares asking when nothing has happened.

        Returns:
            Whether anything was told.
        """
        steering, told = self._decider.steering, self._told
        if steering is None or told is None:
            return False
        now = steering.ledger()
        if now == told and known.documents.get(self._key, 0) == self._version:
            return False
        document = await self._store.document(self._key)
        version = 0 if document is None else document.version
        self._told = told = self._heard(document, told)
        shared = self._shared(document)
        merged = together(shared or told, before=told, now=now)
        if merged.window == now.window:  # a bucket that overflows does so once, not in each process
            merged = steering.adopting(merged).ledger()
        telling = now != told or shared is None
        if telling:
            if not await self._tell(merged, now=now, version=version):
                return False
            version += 1
        self._take_up(merged, now=now, version=version)
        return telling

    def _shared(self, document: Document | None) -> Ledger | None:
        """What all have told; None where nobody did, or one whose clock was far ahead.

        Its window would not come for years, and nobody would share a budget until then.
        """
        if document is None:
            return None
        ledger = _ledger_of(document.value)
        return None if ledger.window > self._clock.now() + LEAD else ledger

    async def _tell(self, merged: Ledger, *, now: Ledger, version: int) -> bool:
        value = _json_of(merged)
        self._asked = Document(value=value, version=version + 1), now
        put = await self._store.put_document(self._key, value, expected=version)
        self._asked = None
        return put

    def _heard(self, document: Document | None, told: Ledger) -> Ledger:
        """What was told, though the answer to it may have been lost."""
        if self._asked is None or document != self._asked[0]:
            return told
        return self._asked[1]

    def _take_up(self, merged: Ledger, *, now: Ledger, version: int) -> None:
        """What was decided while the store was asked is told the next time."""
        current: Steering | None = self._decider.steering
        if current is None:
            return
        mine = current.ledger()
        self._decider.adopt(together(merged, before=now, now=mine))
        # Of a window that this process has not entered yet, it has told nothing.
        self._told = merged if merged.window == mine.window else now
        self._version = version


def _json_of(ledger: Ledger) -> Json:
    return {
        "price": ledger.price,
        "unit": ledger.unit,
        "amounts": dict(ledger.amounts),
        "window": ledger.window,
    }


def _ledger_of(value: Json) -> Ledger:
    return Ledger(**value)
