"""What has happened since a server was started."""

from __future__ import annotations

from collections import Counter

from conduit.core.events import Completed, Decided, Event, Executed, Failed, Learned
from conduit.core.outcomes import Response, Signal


class Tally:
    """Counts events; a subscriber of the router.

    Attributes:
        decided: decisions made.
        completed: queries answered.
        failed: queries that no model answered, or whose callers went away.
        cached: answers that had been given before.
        ratings: that were new.
        attempts: calls of models, by model.
        failures: of these, those that failed, by model.
        answers: by the model that gave them.
        cost: USD, of attempts that failed or were broken off too, whatever became of their query.
        base_cost: USD that the same answers would have cost at the baseline.
        spent: the same, by the model that was called.
    """

    def __init__(self) -> None:
        self.decided = self.completed = self.failed = self.cached = self.ratings = 0
        self.attempts: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.spent: dict[str, float] = {}
        self.cost = self.base_cost = 0.0

    def __call__(self, event: Event) -> None:
        """Count one event."""
        match event:
            case Decided():
                self.decided += 1
            case Executed(execution):
                self.attempts[execution.arm] += 1
                self.failures[execution.arm] += execution.failure is not None
                self.cost += execution.cost
                self.spent[execution.arm] = self.spent.get(execution.arm, 0.0) + execution.cost
            case Completed(response):
                self._complete(response)
            case Failed():
                self.failed += 1
            case Learned(changes):
                self.ratings += sum(
                    change.observation.signal is Signal.RATING and change.previous is None
                    for change in changes
                )

    def _complete(self, response: Response) -> None:
        self.completed += 1
        self.cached += response.cached
        self.base_cost += response.base_cost
        self.answers[response.model] += 1
