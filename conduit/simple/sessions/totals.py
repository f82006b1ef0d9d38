"""What a session came to: its steps, its totals, and both as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conduit.simple.answer import Answer

HEADS = ("step", "model", "tokens in", "out", "cost", "saved")
OTHER = "others"
"""Costs that no step shows: of calls that failed, and of judging prompts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call of a session that was answered.

    Args:
        number: 1 for the first answer that came.
        prompt: what was asked.
        response: what came of it.
    """

    number: int
    prompt: str
    response: Answer

    @property
    def model(self) -> str:
        """Id of the model that answered."""
        return self.response.model

    @property
    def cost(self) -> float:
        """USD, failed attempts included."""
        return self.response.cost

    @property
    def saved(self) -> float:
        """USD less than at the baseline; negative where it was more."""
        return self.response.saved


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the ledger says of a session.

    Args:
        cost: USD, of all that was paid for it.
        base_cost: USD of the same answers at the baseline.
        calls: paid ones, failed ones included.
        input_tokens: as far as they were counted.
        output_tokens: likewise.
        budget: USD that it may or should cost; None for any.
    """

    cost: float = 0.0
    base_cost: float = 0.0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    budget: float | None = None

    @property
    def saved(self) -> float:
        """USD less than at the baseline; negative where it was more."""
        return self.base_cost - self.cost

    @property
    def savings_pct(self) -> float:
        """Saving in percent of the baseline's cost; 0 where that is nothing."""
        return 100 * self.saved / self.base_cost if self.base_cost else 0.0

    @property
    def remaining(self) -> float | None:
        """USD of the budget that are not spent, 0 where more was; None without a budget."""
        return None if self.budget is None else max(self.budget - self.cost, 0.0)

    @property
    def utilization(self) -> float | None:
        """Share of the budget that is spent; above 1 where more was, None without a budget."""
        if self.budget is None:
            return None
        return self.cost / self.budget if self.budget else 1.0


def as_table(steps: Sequence[Step], totals: Totals) -> str:
    """For a terminal: a line for every step, then the totals."""
    rows = [HEADS, *map(_step_row, steps)]
    rest = totals.cost - sum(step.cost for step in steps)
    if round(rest * 1e9):
        rows.append(("", OTHER, "", "", money(rest), ""))
    total = (f"{totals.input_tokens:,}", f"{totals.output_tokens:,}")
    rows.append(("", "total", *total, money(totals.cost), money(totals.saved)))
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADS))]
    lines = [_line(row, widths) for row in rows]
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], *_said(totals)])


def money(amount: float) -> str:
    """An amount of money, to a millionth of a dollar."""
    return f"{'-' if round(amount, 6) < 0 else ''}${abs(amount):,.6f}"


def _step_row(step: Step) -> tuple[str, ...]:
    tokens = (step.response.input_tokens, step.response.output_tokens)
    counted = ("?" if count is None else f"{count:,}" for count in tokens)
    return (str(step.number), step.model, *counted, money(step.cost), money(step.saved))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left, figures to the right."""
    cells = [
        cell.ljust(width) if at == 1 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _said(totals: Totals) -> list[str]:
    lines = [f"baseline {money(totals.base_cost)}, saved {totals.savings_pct:.1f}%"]
    if totals.budget is not None and totals.utilization is not None:
        lines.append(
            f"budget {money(totals.budget)}, spent {100 * totals.utilization:.1f}%, "
            f"left {money(totals.remaining or 0.0)}"
        )
    return lines
