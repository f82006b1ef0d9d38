"""Recent queries in memory, and as bytes."""

from __future__ import annotations

import struct
from collections import OrderedDict, deque

import numpy as np

from conduit.cache.entries import CorruptEntryError, seal, unseal
from conduit.core.caching import REMEMBERED_PER_USER, REMEMBERED_SECONDS, Asked

_KIND = b"CAs1"
_SHAPE = struct.Struct("<dIII")
"""Time, length of the direction, of the decision's id and of the arm's; then those."""


class MemoryRecent:
    """Remembers the last queries of this process's users.

    Time is that of the queries. A clock that goes backwards by no more than ``seconds`` is
    tolerated; what was asked further in the future than that is forgotten.

    Not thread-safe: one event loop owns it.

    Args:
        seconds: how long a query is remembered.
        per_user: queries remembered per user.
        max_users: users remembered; the one silent longest is forgotten first. The default holds
            1,000 x 10 embeddings of 384 float32: 15 MB at most.
    """

    def __init__(
        self,
        *,
        seconds: float = REMEMBERED_SECONDS,
        per_user: int = REMEMBERED_PER_USER,
        max_users: int = 1000,
    ) -> None:
        self._seconds = seconds
        self._per_user = per_user
        self._max_users = max_users
        self._users: OrderedDict[str, deque[Asked]] = OrderedDict()

    def __len__(self) -> int:
        """Number of users remembered."""
        return len(self._users)

    async def exchange(self, user_id: str, asked: Asked) -> tuple[Asked, ...]:
        """Remember a query, and say which of the user's were remembered before, oldest first."""
        self._forget_idle(asked.at)
        own = self._users.setdefault(user_id, deque(maxlen=self._per_user))
        self._users.move_to_end(user_id)
        earlier = tuple(own)
        own.append(asked)
        if len(self._users) > self._max_users:
            self._users.popitem(last=False)
        return earlier

    async def close(self) -> None:
        """Forget everybody."""
        self._users.clear()

    def _forget_idle(self, now: float) -> None:
        # Users are ordered by their last query, so the idle ones are in front.
        while self._users:
            user_id, asked = next(iter(self._users.items()))
            if abs(now - asked[-1].at) <= self._seconds:
                return
            del self._users[user_id]


def pack_asked(asked: Asked, *, key: str) -> bytes:
    """A query as bytes."""
    decision, arm = asked.decision_id.encode(), asked.arm.encode()
    direction = np.ascontiguousarray(asked.direction, np.dtype("<f4"))
    shape = _SHAPE.pack(asked.at, len(direction), len(decision), len(arm))
    return seal(_KIND, shape + direction.tobytes() + decision + arm, key=key)


def unpack_asked(entry: bytes, *, key: str) -> Asked:
    """The query that was packed.

    Raises:
        CorruptEntryError: for bytes that are no entry of this version and key.
    """
    body = unseal(_KIND, entry, key=key)
    try:
        at, n, decision, arm = _SHAPE.unpack_from(body)
        direction = np.frombuffer(body, np.dtype("<f4"), count=n, offset=_SHAPE.size)
        words = body[_SHAPE.size + 4 * n :]
        if len(words) != decision + arm:
            raise ValueError(f"{len(words)} bytes of names are not {decision} + {arm}")
        return Asked(
            decision_id=words[:decision].decode(),
            arm=words[decision:].decode(),
            at=at,
            direction=direction,
        )
    except (struct.error, ValueError) as error:
        raise CorruptEntryError(str(error)) from error
