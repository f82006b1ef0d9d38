"""What a process keeps for a while: bounded in bytes, and what was asked for longest ago goes first."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from conduit.core.ports import Clock

V = TypeVar("V")


@dataclass(slots=True)
class _Kept(Generic[V]):
    value: V
    size: int
    until: float


class Bounded(Generic[V]):
    """Values by key. Not thread-safe: one event loop owns it.

    Args:
        most_bytes: of keys and values together; 0 keeps nothing.
        clock: tells when a value's time is over.
    """

    def __init__(self, *, most_bytes: int, clock: Clock) -> None:
        self._most = most_bytes
        self._clock = clock
        self._kept: OrderedDict[str, _Kept[V]] = OrderedDict()
        self._bytes = 0

    @property
    def size(self) -> int:
        """Bytes of keys and values that are kept."""
        return self._bytes

    def __len__(self) -> int:
        """Number of values that are kept."""
        return len(self._kept)

    def get(self, key: str) -> V | None:
        """What was put last under a key; None where nothing is left of it."""
        found = self._kept.get(key)
        if found is None:
            return None
        if self._clock.now() >= found.until:
            self.drop(key)
            return None
        self._kept.move_to_end(key)
        return found.value

    def put(self, key: str, value: V, *, size: int, ttl: float) -> None:
        """Keep a value of that many bytes for ``ttl`` seconds at most.

        One that is larger, with its key, than all that may be kept is not kept.
        """
        self.drop(key)
        size += len(key)
        if size > self._most:
            return
        self._kept[key] = _Kept(value, size, self._clock.now() + ttl)
        self._bytes += size
        while self._bytes > self._most:
            self.drop(next(iter(self._kept)))

    def drop(self, key: str) -> None:
        """Forget what is kept under a key, if anything is."""
        if key in self._kept:
            self._bytes -= self._kept.pop(key).size

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._bytes = 0
