"""What a journal holds, and which of it is written in one step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from conduit.core.decisions import Decision
from conduit.core.outcomes import Execution, Head, Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """Let all learned of one head of one arm be worth at most that many ratings."""

    arm: str
    head: Head
    worth: float


Entry: TypeAlias = Decision | Execution | Observation | Discount


def parts(some: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """What is written in one step each: decisions with attempts, observations, a discount."""
    for kinds in (Decision | Execution, Observation, Discount):
        if part := [it for it in some if isinstance(it, kinds)]:
            yield part


def by_decision(part: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """What belongs to one decision, in order."""
    groups: dict[str, list[Entry]] = {}
    for it in part:
        if not isinstance(it, Discount):
            groups.setdefault(it.id if isinstance(it, Decision) else it.decision_id, []).append(it)
    yield from groups.values()


def is_row(entry: Entry) -> bool:
    """Whether it may be written before others that came earlier."""
    return not isinstance(entry, Discount)
