"""Answers that were cut by their length, and how they go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conduit.core.chat import Chat
from conduit.core.extras import NO_EXTRAS
from conduit.core.outcomes import CANCELLED, Execution, ModelReply, ModelRequest
from conduit.engines.billing import answer_tokens

MOST = 3
"""Calls by which one answer is continued at most."""


def continuation(request: ModelRequest, so_far: ModelReply) -> ModelRequest | None:
    """The call that continues an answer; None where it is whole, or as long as the caller allows.

    Args:
        request: what was asked at first.
        so_far: all of the answer that there is.
    """
    if so_far.finish_reason != "length" or so_far.acts or not so_far.text.strip():
        return None
    left = request.max_tokens
    if left is not None:
        left -= answer_tokens(so_far)
        if left < 1:
            return None
    chat = request.chat or Chat(messages=({"role": "user", "content": request.text},))
    return replace(request, chat=chat.answered(so_far.text), max_tokens=left)


def joined(first: ModelReply, then: ModelReply) -> ModelReply:
    """An answer and its continuation as one; what one of them does not know is not known."""
    return replace(
        then,
        text=first.text + then.text,
        input_tokens=_sum(first.input_tokens, then.input_tokens),
        output_tokens=_sum(first.output_tokens, then.output_tokens),
        cost=_total(first.cost, then.cost),
        latency=_total(first.latency, then.latency),
        cached_tokens=_sum(first.cached_tokens, then.cached_tokens),
        extras=NO_EXTRAS,
    )


def lesson(execution: Execution, *, continued: Sequence[Execution]) -> Execution | None:
    """What an attempt teaches of its model; None for nothing.

    Args:
        execution: the attempt.
        continued: those whose answer it continues: how long an answer is, what it costs and how
            long it takes is a matter of the whole.
    """
    if execution.finish_reason == CANCELLED or (continued and execution.failure is not None):
        return None
    whole = execution
    for part in reversed(continued):
        whole = replace(
            whole,
            output_tokens=_sum(part.output_tokens, whole.output_tokens),
            cost=part.cost + whole.cost,
            latency=_total(part.latency, whole.latency),
        )
    return whole


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _total(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b
