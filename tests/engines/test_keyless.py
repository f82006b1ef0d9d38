"""Models that cannot be called from here, for want of a key or of an address."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conduit.core.arms import Arm, Price
from conduit.core.errors import AllModelsFailedError, FailureKind, InvalidInputError
from conduit.engines.router import Router
from conduit.features.encoders.hashing import HashingEncoder
from conduit.providers.openai_chat import OpenAIChatClient
from conduit.settings import Settings
from conduit.stores.sql import SQLStore
from tests.engines.builders import CHEAP, DEAR, router_of
from tests.providers.loopback import Answer, LoopbackServer

KEYLESS = Arm(id="keyless", provider="openai", price=Price(input=0.01, output=0.01))
NOWHERE = Arm(id="nowhere", provider="nobody", price=Price(input=0.01, output=0.01))
SERVED = Arm(id="served", provider="lmstudio", price=Price(input=0.1, output=0.1))
SAID = Answer(
    body={
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }
)


@pytest.mark.parametrize("lost", [KEYLESS, NOWHERE], ids=["keyless", "nowhere"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_model_without_a_key_is_left_for_the_others(lost: Arm, streamed: bool) -> None:
    """Every request is answered by somebody, and after one try the model is left alone."""
    tries = Counter[int]()
    async with LoopbackServer(SAID) as server:
        client = OpenAIChatClient(api_keys={}, base_urls={"local": server.url, "other": server.url})
        async with router_of(CHEAP, DEAR, lost, client=client, policy="cheapest") as router:
            for turn in range(8):
                if streamed:
                    answer = await router.stream(f"question {turn}")
                    assert [piece.text async for piece in answer] == ["yes"]
                    assert answer.response is not None
                    tries[answer.response.attempts] += 1
                else:
                    tries[(await router.complete(f"question {turn}")).attempts] += 1
        await client.aclose()
    assert tries == {2: 1, 1: 7}


async def test_a_keyless_model_that_is_asked_for_says_what_is_missing() -> None:
    """Alone in its chain it fails, with the name of the variable."""
    client = OpenAIChatClient(api_keys={})
    async with router_of(CHEAP, KEYLESS, client=client) as router:
        with pytest.raises(AllModelsFailedError, match="OPENAI_API_KEY") as caught:
            await router.complete("hello", models=["keyless"])
    assert [failure.kind for failure in caught.value.failures] == [FailureKind.AUTHENTICATION]


def real(*arms: Arm, path: Path | None = None, **settings: Any) -> Router:
    """A router that calls providers, on a database of its own or on a shared one."""
    store = None if path is None else SQLStore(f"sqlite:///{path}")
    made = Settings(num_retries=0, app_retries=0, **settings)
    return Router(list(arms), encoder=HashingEncoder(), store=store, settings=made)


@pytest.mark.parametrize(
    ("lost", "missing"),
    [(KEYLESS, "OPENAI_API_KEY"), (NOWHERE, "base_url")],
    ids=["key", "address"],
)
async def test_a_model_that_cannot_be_called_is_not_added(lost: Arm, missing: str) -> None:
    """It is refused with what is missing, and the portfolio stays; so does one that was removed."""
    async with real(SERVED) as router:
        with pytest.raises(InvalidInputError, match=missing) as caught:
            await router.add_model(lost)
        assert (caught.value.exit_code, router.arms) == (2, (SERVED,))
    async with real(SERVED, lost) as router:
        await router.remove_model(lost.id)
        with pytest.raises(InvalidInputError, match=missing):
            await router.add_model(lost.id)
        assert router.arms == (SERVED,)


async def test_where_nothing_can_be_called_any_model_may_be_decided_for() -> None:
    """A router without any key only decides, and whoever asks it makes the call."""
    async with real(KEYLESS) as router:
        await router.add_model(NOWHERE)
        assert (await router.route("hello")).selected_model in {"keyless", "nowhere"}


async def test_a_replica_without_the_key_follows_all_the_same(tmp_path: Path) -> None:
    """What another process has added is chosen among here too, and left for the others."""
    path = tmp_path / "shared.db"
    async with LoopbackServer(SAID) as server:
        address = f"{server.url}/v1"
        async with (
            real(SERVED, path=path, openai_api_key="a-key", lmstudio_base_url=address) as able,
            real(SERVED, path=path, lmstudio_base_url=address, policy="cheapest") as keyless,
        ):
            await able.add_model(KEYLESS)
            await (await keyless.open()).swapping.follow()
            assert keyless.arms == (SERVED, KEYLESS)
            assert (await keyless.complete("hello")).model == "served"
            assert (await keyless.complete("hello again")).attempts == 1
