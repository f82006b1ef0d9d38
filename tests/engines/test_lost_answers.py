"""Answers that nobody heard: providers bill them, so they are paid for; what was never sent is not."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from conduit.core.arms import Arm, Price
from conduit.core.budgets import Period, Scope, ScopeKind, Window
from conduit.core.chat import Chat
from conduit.core.costs import CostKind, CostRecord
from conduit.core.errors import AllModelsFailedError, ProviderError
from conduit.core.models import Query
from conduit.core.spending import Spend
from conduit.providers.openai_chat import OpenAIChatClient
from tests.providers.loopback import Answer, LoopbackServer, Stream

from .builders import router_of

ANNA = Scope(ScopeKind.USER, "anna")
PRICE = Price(input=3.0, output=15.0)
ARM = Arm(id="far", provider="lmstudio", price=PRICE)
SENT = 1_000
"""Tokens of 4,000 characters, the role's among them."""
ANSWER = {"choices": [{"index": 0, "message": {"content": "Four."}, "finish_reason": "stop"}]}


async def books(url: str, *, streaming: bool, within: float) -> tuple[Spend, list[CostRecord]]:
    """How the budget stands after one call that fails, and the records it left."""
    arm, client = replace(ARM, base_url=url), OpenAIChatClient(api_keys={})
    async with router_of(arm, client=client, timeout=within, baseline="far") as router:
        ledger = await router.ledger()
        await ledger.set_budget(ANNA, Window(Period.TOTAL), 5.0, actor="admin")
        said = ({"role": "user", "content": "x" * 3_996},)
        query = Query("x" * 3_996, user_id="anna", chat=Chat(messages=said))
        with pytest.raises((AllModelsFailedError, ProviderError)):
            await (router.stream(query) if streaming else router.complete(query))
    (spend,) = await ledger.standing([ANNA])
    return spend, list((await ledger.records()).records)


@pytest.mark.parametrize("streaming", [False, True])
async def test_an_answer_that_never_came_is_paid_for(streaming: bool) -> None:
    """The server has the request when the deadline passes: its input is spent, on record."""
    async with LoopbackServer(Answer(delay=30)) as server:
        spend, (record,) = await books(server.url, streaming=streaming, within=0.05)
        assert len(server.requests) == 1
    assert (record.kind, record.input_tokens) == (CostKind.FAILED, SENT)
    assert spend.settled == record.cost == PRICE.cost(input_tokens=SENT, output_tokens=0)
    assert spend.reserved == 0.0


@pytest.mark.parametrize("streaming", [False, True])
async def test_an_answer_that_broke_off_is_paid_for(streaming: bool) -> None:
    """Likewise where the connection breaks before a word of it was heard."""
    broken = (
        Stream(pieces=[b": soon\n\n"], cut=True) if streaming else Answer(body=ANSWER, cut=True)
    )
    async with LoopbackServer(broken) as server:
        spend, (record,) = await books(server.url, streaming=streaming, within=5.0)
    assert record.kind is CostKind.FAILED
    assert spend.settled == record.cost > 0


async def test_what_was_never_sent_costs_nothing() -> None:
    """A refused connection frees what was set aside, and leaves no record."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    spend, records = await books(url, streaming=False, within=5.0)
    assert (spend.settled, spend.reserved, records) == (0.0, 0.0, [])
