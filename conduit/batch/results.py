"""What became of every prompt, and of all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """What became of a prompt."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one prompt.

    Args:
        prompt: path below the folder of prompts.
        output: path below the folder of outputs; None where nothing was written.
        status: done, skipped because it was done before, or failed.
        model: that answered; None where none did.
        cost: USD, of answers that could not be used as well.
        saved: USD against the baseline.
        seconds: from its turn to its end, waiting for others that had its lock included.
        error: what was wrong, for people.
        reason: the same for logs, without words of a prompt or an answer.
        cut: whether the answer was ended by its length.
        lost: whether there was an answer that could not be written.
    """

    prompt: str
    output: str | None = None
    status: Status
    model: str | None = None
    cost: float = 0.0
    saved: float = 0.0
    seconds: float = 0.0
    error: str | None = None
    reason: str | None = None
    cut: bool = False
    lost: bool = False

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        said: dict[str, Any] = {
            "prompt": self.prompt,
            "output": self.output,
            "status": self.status.value,
            "model": self.model,
            "cost_usd": self.cost,
            "cut": self.cut,
        }
        return said if self.error is None else said | {"error": self.error}


class Report:
    """All results of a batch so far.

    Args:
        prompts: how many there are altogether.
    """

    def __init__(self, prompts: int) -> None:
        self.prompts = prompts
        self.results: list[Result] = []
        self.counts: Counter[Status] = Counter()
        self.spent = 0.0
        self.saved = 0.0
        self.seconds = 0.0
        self.stopped = False
        """Nobody is asked any more: an answer could not be written, and more would be paid in vain."""

    def add(self, result: Result) -> None:
        """Count one more."""
        self.results.append(result)
        self.counts[result.status] += 1
        self.spent += result.cost
        self.saved += result.saved
        self.stopped = self.stopped or result.lost

    @property
    def failures(self) -> list[Result]:
        """Prompts that failed, by name."""
        failed = (it for it in self.results if it.status is Status.FAILED)
        return sorted(failed, key=lambda it: it.prompt)

    @property
    def left(self) -> int:
        """Prompts that nothing has become of: none, but where all of it was stopped."""
        return self.prompts - len(self.results)

    @property
    def exit_code(self) -> int:
        """0 when every prompt is done or was done before; 1 otherwise, and where there is none."""
        return 0 if self.prompts and not self.counts[Status.FAILED] else 1

    @property
    def summary(self) -> str:
        """One line."""
        counts = ", ".join(f"{self.counts[it]:,} {it.value}" for it in Status)
        return f"{counts} | spent ${self.spent:.6f}, saved ${self.saved:.6f} | {self.seconds:.1f} s"

    def as_json(self) -> dict[str, Any]:
        """For programs: prompts by name."""
        return {
            **{it.value: self.counts[it] for it in Status},
            "spent_usd": self.spent,
            "saved_usd": self.saved,
            "seconds": self.seconds,
            "stopped": self.stopped,
            "left": self.left,
            "prompts": [
                it.as_json() for it in sorted(self.results, key=lambda result: result.prompt)
            ],
        }
