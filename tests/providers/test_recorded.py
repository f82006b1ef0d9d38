"""The provider of recorded outcomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.core.arms import Arm
from conduit.core.errors import FailureKind, InvalidInputError, ProviderError
from conduit.core.outcomes import ModelReply, ModelRequest
from conduit.providers.recorded import RecordedOutcome, RecordedProvider

A, B = Arm(id="a", provider="recorded"), Arm(id="b", provider="recorded")
FULL = RecordedOutcome(
    prompt="Why?",
    arm="a",
    cost=0.002,
    quality=0.75,
    input_tokens=3,
    output_tokens=9,
    latency=1.25,
    text="Because.",
    query_id="q1",
)
maybe = st.none() | st.floats(0, 1)
outcomes = st.builds(
    RecordedOutcome,
    prompt=st.sampled_from(["one", "two"]),
    arm=st.sampled_from(["a", "b"]),
    cost=maybe,
    quality=maybe,
    latency=maybe,
    text=st.none() | st.just("text"),
    query_id=st.sampled_from(["q1", "q2", "q3"]),
)


async def test_row_as_value() -> None:
    """The reply is the row: text, tokens, cost and latency; its quality is at hand."""
    client = RecordedProvider([FULL])
    request = ModelRequest(arm=A, text="Why?", query_id="q1")
    assert await client.complete(request) == ModelReply(
        text="Because.", input_tokens=3, output_tokens=9, cost=0.002, latency=1.25
    )
    assert client.outcome(request).quality == 0.75


async def test_missing_is_not_zero() -> None:
    """What was not recorded is None in the reply, and a text that was not recorded no failure."""
    client = RecordedProvider([RecordedOutcome(prompt="Why?", arm="a")])
    request = ModelRequest(arm=A, text="Why?", timeout=0.001)
    assert await client.complete(request) == ModelReply(text="")
    assert client.outcome(request).quality is None


async def test_zero_is_not_missing() -> None:
    """A recorded zero stays a zero."""
    row = RecordedOutcome(prompt="Why?", arm="a", cost=0.0, latency=0.0, text="x")
    reply = await RecordedProvider([row]).complete(ModelRequest(arm=A, text="Why?"))
    assert (reply.cost, reply.latency) == (0.0, 0.0)


async def test_query_before_prompt() -> None:
    """A known query id decides over the text; an unknown one leaves the text to decide."""
    rows = [
        RecordedOutcome(prompt="Why?", arm="a", text="first", query_id="q1"),
        RecordedOutcome(prompt="Why?", arm="a", text="second", query_id="q2"),
    ]
    client = RecordedProvider(rows)
    said = [
        (await client.complete(ModelRequest(arm=A, text=text, query_id=query))).text
        for text, query in [("Why?", "q2"), ("other text", "q2"), ("Why?", "q9"), ("Why?", "")]
    ]
    assert said == ["second", "second", "first", "first"]


@pytest.mark.parametrize(
    ("arm", "text", "query"), [(B, "Why?", ""), (A, "How?", ""), (A, "How?", "q9"), (B, "", "q1")]
)
async def test_unknown(arm: Arm, text: str, query: str) -> None:
    """What was never recorded is a BAD_REQUEST that names arm and prompt, never another's row."""
    with pytest.raises(ProviderError) as caught:
        await RecordedProvider([FULL]).complete(ModelRequest(arm=arm, text=text, query_id=query))
    assert caught.value.kind is FailureKind.BAD_REQUEST
    assert repr(arm.id) in caught.value.detail
    assert repr(text) in caught.value.detail


async def test_known_query_never_borrows() -> None:
    """A known query without a row for the arm does not borrow that of another with its text."""
    rows = [FULL, RecordedOutcome(prompt="Why?", arm="b", text="other's", query_id="q2")]
    with pytest.raises(ProviderError):
        await RecordedProvider(rows).complete(ModelRequest(arm=B, text="Why?", query_id="q1"))


async def test_recorded_latency_meets_the_deadline() -> None:
    """A recorded latency beyond the deadline is the TIMEOUT that it would have been."""
    client = RecordedProvider([FULL])
    with pytest.raises(ProviderError) as caught:
        await client.complete(ModelRequest(arm=A, text="Why?", timeout=1.0))
    assert caught.value.kind is FailureKind.TIMEOUT


@pytest.mark.parametrize("query", [None, "q1"])
def test_two_rows_for_one(query: str | None) -> None:
    """Two rows for one arm and query are refused, whatever they say."""
    row = RecordedOutcome(prompt="Why?", arm="a", query_id=query)
    with pytest.raises(InvalidInputError, match="query_id"):
        RecordedProvider([row, row])


@given(st.lists(outcomes, unique_by=lambda row: (row.query_id, row.arm), min_size=1))
async def test_every_row_is_found(rows: list[RecordedOutcome]) -> None:
    """Every row answers for its own query and arm, in any order of rows."""
    client = RecordedProvider(reversed(rows))
    for row in rows:
        arm = Arm(id=row.arm, provider="recorded")
        request = ModelRequest(arm=arm, text=row.prompt, query_id=row.query_id or "")
        assert client.outcome(request) is row
        assert (await client.complete(request)).latency == row.latency
