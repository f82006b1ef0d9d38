"""Journeys: what the events of one query add up to, told once, when it has ended.

Events arrive one by one; spans and totals are about a whole query. What is under way is kept in a map
of bounded size, so queries that were only decided, and never answered, cost no memory in the long run.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from conduit.core.arms import Arm
from conduit.core.errors import ConduitError
from conduit.core.events import Completed, Decided, Event, Executed, Failed
from conduit.core.models import Query
from conduit.core.outcomes import Execution, Response
from conduit.core.ports import Clock
from conduit.core.requests import request_id
from conduit.telemetry.journey import Attempt, AttemptKind, Journey

UNDER_WAY = 2048
"""Queries that are remembered while they are under way; the oldest is forgotten first."""


@dataclass(slots=True)
class _UnderWay:
    """A query that has not ended."""

    decided: Decided
    prompt: str | None
    request: str | None
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def started_at(self) -> float:
        arrived = self.decided.received_at
        return self.decided.decision.created_at if arrived is None else arrived

    def arm(self, name: str) -> Arm | None:
        return next((arm for arm in self.decided.arms if arm.id == name), None)


Sink = Callable[[Journey], None]


class Journeys:
    """A subscriber that tells its sinks of every query that has ended.

    Args:
        sinks: are told, in order.
        clock: says when an event arrived.
        prompt: writes down what was asked; None keeps nothing of it.
        most: queries under way that are remembered.
    """

    def __init__(
        self,
        sinks: Iterable[Sink],
        *,
        clock: Clock,
        prompt: Callable[[Query], str] | None = None,
        most: int = UNDER_WAY,
    ) -> None:
        self._sinks = tuple(sinks)
        self._clock = clock
        self._prompt = prompt
        self._most = most
        self._lock = threading.Lock()
        self._under_way: OrderedDict[str, _UnderWay] = OrderedDict()

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, Decided):
            self._begin(event)
        elif isinstance(event, Executed):
            self._attempted(event)
        elif isinstance(event, Completed):
            self._end(event.response.decision_id, response=event.response)
        elif isinstance(event, Failed):
            self._end(event.decision_id, error=event.error)

    def _begin(self, event: Decided) -> None:
        prompt = None
        if self._prompt is not None and event.query is not None:
            prompt = self._prompt(event.query)
        # A query's text is not kept while it is under way: prompts are large.
        under_way = _UnderWay(
            Decided(event.decision, None, event.arms, event.received_at),
            prompt=prompt,
            request=request_id.get(),
        )
        with self._lock:
            if event.decision.attempt > 1:
                self._take_over(under_way)
            self._under_way[event.decision.id] = under_way
            while len(self._under_way) > self._most:
                self._under_way.popitem(last=False)

    def _take_over(self, under_way: _UnderWay) -> None:
        """A query that is decided again goes on with the attempts that were made for it."""
        query = under_way.decided.decision.query_id
        for name, earlier in reversed(self._under_way.items()):
            if earlier.decided.decision.query_id == query:
                del self._under_way[name]
                under_way.attempts = earlier.attempts
                under_way.decided = Decided(
                    under_way.decided.decision,
                    None,
                    under_way.decided.arms,
                    earlier.started_at,
                )
                return

    def _attempted(self, event: Executed) -> None:
        execution, now = event.execution, self._clock.now()
        with self._lock:
            under_way = self._under_way.get(execution.decision_id)
            if under_way is None:
                return
            before = under_way.attempts[-1].execution if under_way.attempts else None
            under_way.attempts.append(
                Attempt(
                    execution=execution,
                    kind=_kind(execution, before),
                    arm=under_way.arm(execution.arm),
                    ended_at=_end_of(execution, now=now),
                    status=event.status,
                )
            )

    def _end(
        self,
        decision_id: str,
        *,
        response: Response | None = None,
        error: ConduitError | None = None,
    ) -> None:
        # A repeated answer bears the id of the decision that made it, which may be under way still.
        repeated = response is not None and response.cached
        with self._lock:
            under_way = None if repeated else self._under_way.pop(decision_id, None)
        journey = self._journey(decision_id, under_way, response=response, error=error)
        for sink in self._sinks:
            sink(journey)

    def _journey(
        self,
        decision_id: str,
        under_way: _UnderWay | None,
        *,
        response: Response | None,
        error: ConduitError | None,
    ) -> Journey:
        now = self._clock.now()
        if under_way is None:
            taken = (response.latency if response else None) or 0.0
            return Journey(
                decision_id=decision_id,
                decision=None,
                started_at=now - taken,
                ended_at=now,
                response=response,
                error=error,
                request=request_id.get(),
            )
        decision = under_way.decided.decision
        return Journey(
            decision_id=decision_id,
            decision=decision,
            started_at=under_way.started_at,
            ended_at=max((now, under_way.started_at, *(it.ended_at for it in under_way.attempts))),
            attempts=tuple(under_way.attempts),
            response=response,
            error=error,
            arm=under_way.arm(response.model if response else decision.selected_model),
            prompt=under_way.prompt,
            request=under_way.request,
        )


def _kind(execution: Execution, before: Execution | None) -> AttemptKind:
    if before is None:
        return AttemptKind.FIRST
    if before.failure is None:
        return AttemptKind.CONTINUATION
    return AttemptKind.RETRY if before.arm == execution.arm else AttemptKind.FALLBACK


def _end_of(execution: Execution, *, now: float) -> float:
    """When an attempt ended; one that nobody timed ended when it was announced."""
    if execution.latency is None:
        return max(now, execution.started_at)
    return execution.started_at + execution.latency
