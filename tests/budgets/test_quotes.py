"""Quotes: a call never costs more than what was set aside for it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.budgets.quotes import (
    ATTACHMENT_TOKENS,
    OVERHEAD_TOKENS,
    SMALL_ANSWER,
    TOOLS_TOKENS,
    cut_to,
    most_input_tokens,
    quote_for,
)
from conduit.core.arms import Arm, Price
from conduit.core.budgets import nanos
from conduit.core.chat import Chat
from conduit.core.outcomes import ModelRequest

PRICE = Price(input=3.0, output=15.0)
ARM = Arm(id="dear", provider="other", price=PRICE, max_output_tokens=1000)
PRICES = st.just(0.0) | st.floats(0.01, 200.0)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def request(text: str = "hello", **more: object) -> ModelRequest:
    return ModelRequest(**({"arm": ARM, "text": text} | more))  # type: ignore[arg-type]


def test_a_text_has_at_most_a_token_per_byte() -> None:
    """Bytes of UTF-8, and what a provider puts around them."""
    assert most_input_tokens("hello", None) == 5 + OVERHEAD_TOKENS
    assert most_input_tokens("héé€😀", None) == 12 + OVERHEAD_TOKENS


@given(st.lists(st.dictionaries(st.text(max_size=8), JSON, max_size=4), max_size=4))
def test_a_conversation_weighs_its_compact_json_or_more(messages: list[dict[str, object]]) -> None:
    """Whatever is in it, every byte that is sent is counted."""
    plain = [{key: it for key, it in m.items() if key != "type"} for m in messages]
    sent = json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
    escapes = sum(sent.count(mark) for mark in (b"\\",))  # marks of JSON, not of the text
    bound = most_input_tokens("", Chat(messages=tuple(plain)))
    assert bound >= len(sent) - 5 * escapes


def test_tools_and_attachments_count() -> None:
    """A picture counts by a flat number, a long document by its bytes, tools by their text."""
    tools = [{"type": "function", "function": {"name": "f" * 300}}]
    chat = Chat(messages=({"role": "user", "content": "x"},), options={"tools": tools})
    assert most_input_tokens("", chat) > 300 + TOOLS_TOKENS + OVERHEAD_TOKENS
    for kind, body, least, most in (
        ("image_url", "y" * 10**6, ATTACHMENT_TOKENS, 51_000),
        ("file", "y" * 10**6, 250_000, 251_000),
        ("file", "y", ATTACHMENT_TOKENS, 51_000),
    ):
        parts = [{"type": "text", "text": "look"}, {"type": kind, kind: {"data": body}}]
        pictured = Chat(messages=({"role": "user", "content": parts},))
        assert least <= most_input_tokens("", pictured) <= most


def test_a_length_that_was_asked_for_is_not_cut() -> None:
    """Nothing shorter will do, so the least is the whole estimate."""
    quote = quote_for(request(max_tokens=700))
    assert quote is not None
    assert quote.estimate == quote.least == PRICE.cost(input_tokens=69, output_tokens=700)
    assert cut_to(request(max_tokens=700), quote, 0.001) == request(max_tokens=700)


def test_no_call_asks_for_more_than_the_model_gives() -> None:
    """A length beyond the model's own is not sent, so that nothing is set aside for it."""
    quote = quote_for(request(max_tokens=4000))
    assert quote is not None
    assert quote.estimate == quote.least == PRICE.cost(input_tokens=69, output_tokens=1000)


def test_without_a_length_the_answer_is_cut_to_the_money() -> None:
    """The model's longest answer is wanted, a small one will do, and the amount decides."""
    quote = quote_for(request())
    assert quote is not None
    assert quote.estimate == PRICE.cost(input_tokens=69, output_tokens=1000)
    assert quote.least == PRICE.cost(input_tokens=69, output_tokens=SMALL_ANSWER)
    assert cut_to(request(), quote, quote.estimate) == request()
    amount = PRICE.cost(input_tokens=69, output_tokens=400)
    assert cut_to(request(), quote, amount).max_tokens == 400


@given(PRICES, PRICES, st.integers(0, 10**6), st.integers(1, 10**5), st.floats(0, 1))
def test_what_a_cut_answer_costs_is_within_the_amount(
    given_price: float, made_price: float, sent: int, longest: int, share: float
) -> None:
    """To the nanodollar: what is billed at most is never more than what was set aside."""
    arm = Arm(
        id="a",
        provider="p",
        price=Price(input=given_price, output=made_price),
        max_output_tokens=longest,
    )
    quote = quote_for(ModelRequest(arm=arm, text=""), input_tokens=sent)
    assert quote is not None
    least, most = (nanos(usd, what="") for usd in (quote.least, quote.estimate))
    amount = round(least + share * (most - least)) / 1e9
    tokens = quote.answer_for(amount)
    bill = quote.price.cost(input_tokens=sent, output_tokens=tokens)
    assert nanos(bill, what="") <= nanos(amount, what="")
    assert tokens >= quote.least_tokens - 1


def test_a_model_without_a_price_has_no_quote() -> None:
    """Nobody knows what it will cost."""
    assert quote_for(request(arm=Arm(id="a", provider="p"))) is None


@pytest.mark.parametrize("output", [0.0, 2.0])
def test_a_free_answer_is_never_cut(output: float) -> None:
    """Where only the input is paid, length costs nothing."""
    arm = Arm(id="a", provider="p", price=Price(input=1.0, output=output), max_output_tokens=500)
    quote = quote_for(ModelRequest(arm=arm, text="x"))
    assert quote is not None
    assert (quote.answer_for(quote.least) == 500) == (output == 0.0)
