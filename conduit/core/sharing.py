"""What replicas share besides learned state: small documents, and how far everything has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

Json: TypeAlias = Mapping[str, Any]
"""A JSON object."""

NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A small value that all replicas share, replaced as a whole.

    Args:
        value: a JSON object.
        version: 1 for the first value, and one more with every change.
    """

    value: Json
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Who did what, for the record.

    Args:
        at: seconds since the epoch.
        actor: who.
        action: what was done, such as ``set_price``.
        subject: to what, such as the id of a model.
        before: what held before; None where nothing did.
        after: what holds now; None where nothing does.
    """

    at: float
    actor: str
    action: str
    subject: str
    before: Json | None = None
    after: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How far a store has come, read cheaply.

    Args:
        state: version of the learned state.
        documents: version of every document.
        pending: whether observations may wait to be folded.
    """

    state: int
    documents: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    pending: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What one call of ``fold`` did.

    Args:
        count: observations that were folded.
        foreign: those among them that were observed by other stores.
        before: version of the learned state that they were folded into; where others folded in
            between, that of the last part.
        after: version that came of it; ``before`` where nothing was pending.
    """

    count: int = 0
    foreign: int = 0
    before: int
    after: int

    def __add__(self, later: Folded) -> Folded:
        """Both, one after the other."""
        before = self.before if later.before == self.after else later.before
        return Folded(
            count=self.count + later.count,
            foreign=self.foreign + later.foreign,
            before=before,
            after=later.after,
        )
