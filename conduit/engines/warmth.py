"""Which model has read the beginning of a conversation before, so that it reads it again for less."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from conduit.core.ports import Clock
from conduit.engines.billing import tokens_of
from conduit.engines.canonical import canonical
from conduit.engines.errand import Errand

FORGOTTEN_AFTER = 300.0
"""Seconds after which providers have forgotten a prompt."""
LEAST_TOKENS = 1024
"""Tokens below which no provider keeps a prompt."""
MOST = 10_000
"""Conversations that are remembered."""


@dataclass(frozen=True, slots=True)
class Warm:
    """``arm`` was sent the first ``tokens`` of this prompt a moment ago."""

    arm: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a conversation is remembered.

    Args:
        beginnings: of the conversation, a digest each, from its first message to all of it.
        session: that it is part of; None without one.
        tokens: estimated, of all of it.
    """

    beginnings: tuple[str, ...]
    session: str | None
    tokens: int


def thread_of(errand: Errand) -> Thread | None:
    """Where an errand's conversation is remembered; None for one too short to be kept by anybody."""
    chat = errand.query.chat
    tokens = 0 if chat is None else tokens_of(chat)
    if chat is None or not chat.messages or tokens < LEAST_TOKENS:
        return None
    digest = hashlib.blake2b(canonical(chat.options.get("tools")), digest_size=16)
    beginnings = []
    for message in chat.messages:
        digest.update(canonical(message) + b"\n")
        beginnings.append(digest.hexdigest())
    session = None if errand.session is None else f"session:{errand.session}"
    return Thread(tuple(beginnings), session, tokens)


class Warmth:
    """Remembers for a while who served which conversation.

    Args:
        clock: measures the while.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._served: OrderedDict[str, tuple[Warm, float]] = OrderedDict()

    def of(self, thread: Thread | None) -> Warm | None:
        """Who has read the longest beginning, or else served the session last.

        None where nobody has.
        """
        if thread is None:
            return None
        places = [*reversed(thread.beginnings[:-1]), *filter(None, [thread.session])]
        for place in places:
            warm, at = self._served.get(place, (None, 0.0))
            if warm is not None and 0 <= self._clock.now() - at < FORGOTTEN_AFTER:
                return Warm(warm.arm, min(warm.tokens, thread.tokens))
        return None

    def served(self, thread: Thread | None, *, arm: str) -> None:
        """A model has answered a conversation, and so has read all of it."""
        if thread is None:
            return
        for place in filter(None, [thread.beginnings[-1], thread.session]):
            self._served[place] = (Warm(arm, thread.tokens), self._clock.now())
            self._served.move_to_end(place)
        while len(self._served) > MOST:
            self._served.popitem(last=False)
