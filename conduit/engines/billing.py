"""Billing: what an attempt did cost, where its source says so and where it has to be estimated."""

from __future__ import annotations

from dataclasses import replace

from conduit.core.arms import Arm
from conduit.core.chat import Chat, bytes_in, utf8_bytes
from conduit.core.decisions import QueryFeatures
from conduit.core.errors import ProviderError, UnknownPriceError
from conduit.core.models import Query
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.features.complexity import estimate_tokens, tokens_of_bytes


def sized(features: QueryFeatures, query: Query) -> QueryFeatures:
    """Features of a query's text, with the tokens of all that is sent for it."""
    if query.chat is None:
        return features
    return replace(features, token_count=tokens_of(query.chat))


def tokens_sent(request: ModelRequest) -> int:
    """Estimated tokens of a request: of the whole conversation, where there is one."""
    if request.chat is None:
        return estimate_tokens(request.text)
    return tokens_of(request.chat)


def tokens_in(piece: Delta) -> int:
    """Estimated tokens of a piece of an answer; they add up to an estimate of the whole."""
    called = bytes_in([piece.tool_calls, piece.extras.message.get("function_call")])
    return tokens_of_bytes(utf8_bytes(piece.text) + called + piece.thought)


def cost_of(outcome: ModelReply | ProviderError, request: ModelRequest) -> float:
    """USD of an attempt: what its source says, else its tokens at the list price.

    Tokens that a server did not count are estimated from the text, never taken for zero. A failure
    costs what was billed for it: empty and withheld answers have tokens, a refused connection none.

    Raises:
        UnknownPriceError: when an answer carries no cost and its arm no price.
    """
    arm = request.arm
    if isinstance(outcome, ModelReply):
        return _cost_of_reply(outcome, request)
    if arm.price is None:
        return 0.0
    return arm.price.cost(
        input_tokens=outcome.input_tokens or 0, output_tokens=outcome.output_tokens or 0
    )


def cost_of_tokens(arm: Arm, *, input_tokens: int, output_tokens: int) -> float:
    """USD of tokens at the list price; nothing for an arm without one."""
    if arm.price is None:
        return 0.0
    return arm.price.cost(input_tokens=input_tokens, output_tokens=output_tokens)


def _cost_of_reply(reply: ModelReply, request: ModelRequest) -> float:
    if reply.cost is not None:
        return reply.cost
    if request.arm.price is None:
        raise UnknownPriceError(request.arm.id)
    given, made = reply.input_tokens, reply.output_tokens
    return request.arm.price.cost(
        input_tokens=tokens_sent(request) if given is None else given,
        output_tokens=answer_tokens(reply) if made is None else made,
    )


def answer_tokens(reply: ModelReply) -> int:
    """Tokens of an answer: as billed, else estimated from its text, calls and thoughts."""
    if reply.output_tokens is not None:
        return reply.output_tokens
    beside = bytes_in(reply.tool_calls) + reply.extras.thought
    return estimate_tokens(reply.text) + tokens_of_bytes(beside)


def tokens_of(chat: Chat) -> int:
    """Estimated tokens of a conversation, tools included; at least 1."""
    return max(1, tokens_of_bytes(chat.size))
