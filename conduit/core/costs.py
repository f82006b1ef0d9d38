"""What calls did cost: one record each, and the sums that people ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from conduit.core.errors import InvalidInputError

MOST_RECORDS = 1000
"""Records in one page, and groups in one report."""


class CostKind(StrEnum):
    """What was paid for."""

    ANSWER = "answer"
    FAILED = "failed"
    CLASSIFY = "classify"
    REPORTED = "reported"


class GroupBy(StrEnum):
    """What costs are added up by; a day is a calendar day in UTC."""

    USER = "user"
    TEAM = "team"
    API_KEY = "api_key"
    SESSION = "session"
    MODEL = "model"
    PROVIDER = "provider"
    TASK_TYPE = "task_type"
    KIND = "kind"
    DAY = "day"

    @classmethod
    def named(cls, name: str) -> GroupBy:
        """The grouping of that name.

        Raises:
            InvalidInputError: for another one.
        """
        try:
            return cls(name)
        except ValueError:
            raise InvalidInputError(
                f"costs are not kept by {str(name)!r}", remedy=f"choose one of: {', '.join(cls)}"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRecord:
    """What one call did cost, and on whose account.

    Args:
        id: unique; the same one again is the same cost.
        at: when it counts, in seconds since the epoch: of a call when it began, of what a caller
            reports when that was first said.
        kind: what was paid for.
        model: id of the arm.
        provider: who served it.
        cost: USD.
        base_cost: USD of the same answer at the baseline; 0 for what answered nothing.
        input_tokens: as billed; None where nobody counted.
        output_tokens: likewise.
        user: whose call it was; an id, as the next four are, and None where nobody said.
        team: likewise.
        api_key: a hash or a label, never the key.
        session: likewise.
        task_type: what the call was for.
        decision_id: the decision that led to it.
    """

    id: str
    at: float
    kind: CostKind
    model: str
    provider: str
    cost: float
    base_cost: float = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None
    user: str | None = None
    team: str | None = None
    api_key: str | None = None
    session: str | None = None
    task_type: str | None = None
    decision_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostFilter:
    """Which costs are meant: those in a span of time that are as said.

    Args:
        since: seconds since the epoch, inclusive; None for all that came before.
        until: likewise, exclusive.
        only: values by the name of a grouping other than the day.

    Raises:
        InvalidInputError: for a name that costs are not kept by, or a day.
    """

    since: float | None = None
    until: float | None = None
    only: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        for name in self.only:
            if GroupBy.named(name) is GroupBy.DAY:
                raise InvalidInputError("a day is no filter", remedy="give since and until")


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPage:
    """Some records, the newest first.

    Args:
        records: of this page.
        cursor: what the next page is asked for with; None at the end.
    """

    records: tuple[CostRecord, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTotal:
    """The sum of one group of costs.

    Args:
        key: of the group; a day as ``2026-11-21``, None where nobody said.
        cost: USD.
        base_cost: USD that the same answers would have cost at the baseline.
        requests: decisions that led to calls, and calls without one.
        calls: paid ones, failed ones included.
        input_tokens: as far as they were counted.
        output_tokens: likewise.
    """

    key: str | None
    cost: float
    base_cost: float
    requests: int
    calls: int
    input_tokens: int
    output_tokens: int

    @property
    def saved(self) -> float:
        """USD less than at the baseline; negative where it was more."""
        return self.base_cost - self.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class CostQuality:
    """How good the answers of one group of costs were.

    Args:
        key: of the group, as in its :class:`CostTotal`.
        quality: mean rating of the answers that were rated, 0 to 1.
        rated: how many were, at least 1; an answer that several calls were paid for counts once.
    """

    key: str | None
    quality: float
    rated: int


@runtime_checkable
class CostStore(Protocol):
    """Answers what was spent."""

    async def cost(self, record_id: str) -> CostRecord | None:
        """A record by its id; None where there is none."""
        ...

    async def cost_page(
        self, wanted: CostFilter, *, limit: int, cursor: str | None = None
    ) -> CostPage:
        """Records, the newest first; a page costs what it holds, whatever the history.

        Raises:
            InvalidInputError: for a limit outside 1 to :data:`MOST_RECORDS`, or a cursor that no
                page gave.
        """
        ...

    async def cost_totals(
        self, group_by: GroupBy | None, wanted: CostFilter, *, limit: int
    ) -> Sequence[CostTotal]:
        """Sums per group, the dearest first, and days from the latest; of all where there are none.

        Raises:
            InvalidInputError: for a limit outside 1 to :data:`MOST_RECORDS`.
        """
        ...

    async def cost_qualities(
        self, group_by: GroupBy | None, wanted: CostFilter, *, limit: int
    ) -> Sequence[CostQuality]:
        """The mean rating, in the order of the sums, of those of the first ``limit`` groups that have one.

        So it is about the groups that :meth:`cost_totals` tells with the same limit.

        Raises:
            InvalidInputError: for a limit outside 1 to :data:`MOST_RECORDS`.
        """
        ...


def check_limit(limit: int) -> None:
    """Refuse pages that are empty or endless.

    Raises:
        InvalidInputError: for a limit outside 1 to :data:`MOST_RECORDS`.
    """
    if not 1 <= limit <= MOST_RECORDS:
        raise InvalidInputError(f"limit={limit} is no page", remedy=f"give 1 to {MOST_RECORDS}")
