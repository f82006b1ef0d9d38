"""How a comparison of policies is shown: a table for people, an object for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np

from conduit.cli.console import say, say_table, table_of
from conduit.core.models import OptimizeFor
from conduit.evaluation.log_frame import LogFrame
from conduit.evaluation.logged import Outcome
from conduit.evaluation.off_policy import Answer, Estimate, Method
from conduit.evaluation.support import Refusal
from conduit.evaluation.what_if import Answers, Comparison

Json: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked.

    ``against`` is None for the logged policy, ``optimize_for`` for each decision's own trade-off.
    """

    policy: str
    against: str | None
    optimize_for: OptimizeFor | None

    @property
    def other(self) -> str:
        """What the policy is compared with."""
        return self.against or "logged"

    @property
    def trade_off(self) -> str:
        """What it values, in a word."""
        return "logged" if self.optimize_for is None else self.optimize_for.value


def payload(question: Question, frame: LogFrame, comparison: Comparison) -> Json:
    """Everything, as one JSON object."""
    return {
        "policy": question.policy,
        "against": question.other,
        "optimize_for": question.trade_off,
        **_counts(frame),
        "changed": comparison.changed,
        "logged": {outcome.value: _figures(it) for outcome, it in comparison.logged.items()},
        "target": _by_method(comparison.target),
        "difference": _by_method(comparison.difference),
    }


def say_comparison(question: Question, frame: LogFrame, comparison: Comparison) -> None:
    """Print the table, with what was left out above and what was refused below it."""
    say(_preamble(question, frame, comparison))
    numbers = ("quality", "95% interval", "$/request", "95% interval ", "ESS")
    table = table_of("policy", "method", *numbers, right=numbers)
    rows: list[tuple[str, str, Mapping[Outcome, Answer]]] = [("logged", "mean", comparison.logged)]
    rows += [(question.policy, m.upper(), _one(comparison.target, m)) for m in Method]
    rows += [(f"− {question.other}", m.upper(), _one(comparison.difference, m)) for m in Method]
    for name, method, answers in rows:
        quality, spend = answers[Outcome.QUALITY], answers[Outcome.SPEND]
        table.add_row(name, method, *_cells(quality), *_cells(spend), _effective(quality, spend))
    say_table(table)
    for line in _refusals(rows):
        say(line)


def _counts(frame: LogFrame) -> Json:
    return {
        "decisions": frame.decisions,
        "excluded": {reason.value: count for reason, count in frame.excluded.items()},
        "logged_policies": dict(frame.policies),
        "rated": int(np.isfinite(frame.log.quality).sum()),
        "priced": int(np.isfinite(frame.log.cost).sum()),
    }


def _by_method(answers: Answers) -> Json:
    return {
        outcome.value: {method.value: _figures(answers[outcome, method]) for method in Method}
        for outcome in Outcome
    }


def _figures(answer: Answer) -> Json:
    if isinstance(answer, Refusal):
        return {"refused": asdict(answer) | {"reason": answer.reason.value}}
    return asdict(answer)


def _one(answers: Answers, method: Method) -> dict[Outcome, Answer]:
    return {outcome: answers[outcome, method] for outcome in Outcome}


def _preamble(question: Question, frame: LogFrame, comparison: Comparison) -> str:
    counts = _counts(frame)
    left_out = ", ".join(f"{count} {reason.value}" for reason, count in frame.excluded.items())
    made_by = ", ".join(frame.policies)
    return (
        f"{frame.decisions:,} decisions, logged by {made_by}; "
        f"left out: {left_out or 'none'}; {counts['rated']:,} rated, {counts['priced']:,} priced.\n"
        f"{question.policy} (trade-off: {question.trade_off}) differs from {question.other} "
        f"in {comparison.changed:.0%} of decisions.\n"
    )


def _cells(answer: Answer) -> tuple[str, str]:
    if isinstance(answer, Refusal):
        return "refused", "-"
    return f"{answer.value:.4g}", f"{answer.low:.4g} … {answer.high:.4g}"


def _effective(*answers: Answer) -> str:
    sizes = [answer.effective for answer in answers if isinstance(answer, Estimate)]
    return f"{min(sizes):,.0f}" if sizes else "-"


def _refusals(rows: list[tuple[str, str, Mapping[Outcome, Answer]]]) -> list[str]:
    lines = (
        f"{outcome.value} of {name} refused: {answer.problem}; {answer.remedy}"
        for name, _, answers in rows
        for outcome, answer in answers.items()
        if isinstance(answer, Refusal)
    )
    return list(dict.fromkeys(lines))
