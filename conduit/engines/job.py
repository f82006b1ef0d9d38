"""A job: a query that was decided, and all that its execution needs of the outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from conduit.core.arms import Arm
from conduit.core.decisions import Decision
from conduit.core.models import Query
from conduit.core.outcomes import Execution
from conduit.engines.breakers import Passage
from conduit.engines.till import Till


class Log(Protocol):
    """Is told of every attempt, failed ones and those given up included."""

    async def __call__(self, execution: Execution, *, continues: bool, status: int | None) -> None:
        """Take note of an attempt.

        Args:
            execution: the attempt.
            continues: whether it goes on with the answer of the one before.
            status: HTTP status of a failure, where there was one.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A query that was decided.

    Args:
        query: to be answered.
        decision: which models are to be tried, in which order.
        passage: for the first attempt.
        arms: by id, as they were when it was made.
        till: pays for the attempts.
        log: is told of them.
        streaming: whether pieces of the answer are wanted.
        continue_cut: whether an answer cut by its length is continued.
    """

    query: Query
    decision: Decision
    passage: Passage
    arms: Mapping[str, Arm]
    till: Till
    log: Log
    streaming: bool = False
    continue_cut: bool = False
