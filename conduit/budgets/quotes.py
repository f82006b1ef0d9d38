"""What one call may cost at most, known before it is made."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from conduit.core.arms import Price
from conduit.core.budgets import nanos
from conduit.core.chat import Chat
from conduit.core.outcomes import ModelRequest

OVERHEAD_TOKENS = 64
"""Of a request, beyond its text: roles, separators, and what a provider puts before them."""
TOOLS_TOKENS = 1024
"""Instructions that a provider adds where tools are offered, or a form of answer is asked for."""
ATTACHMENT_TOKENS = 50_000
"""A picture, at the most that any provider of the catalogue bills for one; or a short document."""
ATTACHED_BYTES = 4
"""Bytes of a longer document or sound that are billed as one token, at least."""
SMALL_ANSWER = 256
"""Tokens of the shortest answer worth having, where the caller asks for no length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Upper bounds for one request to one model.

    Args:
        price: of the model.
        input_tokens: billed for what is sent, at most.
        output_tokens: of the answer, at most.
        least_tokens: of the shortest answer that will do.
    """

    price: Price
    input_tokens: int
    output_tokens: int
    least_tokens: int

    @property
    def estimate(self) -> float:
        """USD, at most."""
        return self._cost(self.output_tokens)

    @property
    def least(self) -> float:
        """USD that the shortest answer that will do costs at most."""
        return self._cost(self.least_tokens)

    def answer_for(self, amount: float) -> int:
        """Tokens of the longest answer that an amount in USD pays for, whatever the input costs."""
        if self.is_paid_by(amount) or not self.price.output:
            return self.output_tokens
        left = amount * 1e6 - self.price.input * self.input_tokens
        tokens = max(math.floor(left / self.price.output), 0)
        have = nanos(amount, what="an amount")
        while tokens and nanos(self._cost(tokens), what="a cost") > have:  # floats round
            tokens -= 1
        return tokens

    def is_paid_by(self, amount: float) -> bool:
        """Whether an amount in USD pays for the longest answer, to the nanodollar."""
        return nanos(self.estimate, what="an estimate") <= nanos(amount, what="an amount")

    def _cost(self, output_tokens: int) -> float:
        return self.price.cost(input_tokens=self.input_tokens, output_tokens=output_tokens)


def quote_for(request: ModelRequest, *, input_tokens: int | None = None) -> Quote | None:
    """What a request may cost; None for a model that has no price.

    ``max_tokens`` is the longest answer, and nothing shorter will do: it was asked for, as far as the
    model goes. Without it the longest is the model's own, and a small one will do.

    Args:
        request: to a model.
        input_tokens: of :func:`most_input_tokens`, where it is known already.
    """
    price, asked = request.arm.price, request.max_tokens
    if price is None:
        return None
    most = request.arm.max_output_tokens  # which no call asks for more than
    longest = most if asked is None else min(asked, most)
    sent = most_input_tokens(request.text, request.chat) if input_tokens is None else input_tokens
    return Quote(
        price=price,
        input_tokens=sent,
        output_tokens=longest,
        least_tokens=min(SMALL_ANSWER, longest) if asked is None else longest,
    )


def cut_to(request: ModelRequest, quote: Quote, amount: float) -> ModelRequest:
    """The request, asking for no longer an answer than an amount in USD pays for.

    One that names its length was not cut, and neither is one that is paid for in full.
    """
    if request.max_tokens is not None or quote.is_paid_by(amount):
        return request
    return replace(request, max_tokens=quote.answer_for(amount))


def most_input_tokens(text: str, chat: Chat | None) -> int:
    """Tokens that are billed for what is sent, at most.

    Every token of a byte-level vocabulary stands for one byte of UTF-8 or more, so there are no
    more of them than bytes; of a conversation the bytes are those of its messages, tools and form
    of answer as compact JSON, whose punctuation is more than templates put in its place. In the
    place of its bytes a picture counts :data:`ATTACHMENT_TOKENS`, any other attachment as many or a
    token for :data:`ATTACHED_BYTES` of it. :data:`OVERHEAD_TOKENS` and, with tools,
    :data:`TOOLS_TOKENS` come on top.
    """
    if chat is None:
        return _bytes(text) + OVERHEAD_TOKENS
    extras = [chat.options[name] for name in ("tools", "response_format") if name in chat.options]
    instructions = TOOLS_TOKENS if extras else 0
    return sum(map(_weight, (*chat.messages, *extras))) + OVERHEAD_TOKENS + instructions


def _weight(value: object) -> int:
    """Tokens of a JSON value, at most: its bytes, but for attachments."""
    if isinstance(value, str):
        return _bytes(value) + 2
    if isinstance(value, Mapping):
        kind = value.get("type")
        if kind in _PICTURES:
            return ATTACHMENT_TOKENS
        if kind in _DOCUMENTS:
            return max(ATTACHMENT_TOKENS, _inside(value) // ATTACHED_BYTES)
        return 2 + sum(_bytes(str(key)) + 4 + _weight(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return 2 + sum(1 + _weight(inner) for inner in value)
    return len(json.dumps(value))


_PICTURES = ("image_url", "input_image", "image")
_DOCUMENTS = ("input_audio", "file", "input_file")


def _inside(part: Mapping[str, object]) -> int:
    """Bytes of all text in a part."""
    return sum(
        _inside(value) if isinstance(value, Mapping) else _bytes(str(value))
        for value in part.values()
    )


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
