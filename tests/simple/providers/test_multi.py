"""Several providers: each says where a prompt would go, and a strategy takes one."""

from __future__ import annotations

import asyncio
import json
from itertools import permutations
from typing import Any

import pytest

from conduit import MultiProvider, Provider
from conduit.core.arms import Tier
from conduit.core.errors import AllModelsFailedError, InvalidInputError
from conduit.simple.house import House
from conduit.simple.providers.routes import STRATEGIES, Route, ranked

from ...cli.conftest import Served
from ...providers.loopback import Answer
from ...providers.protocols import OPENAI
from .houses import booked

NAMES = ("google", "anthropic", "openai")
SIMPLE, HARD = "What is the capital of Japan?", "Prove the spectral theorem."


def several(*names: str) -> MultiProvider:
    """Providers whose models are scripted."""
    return MultiProvider([Provider(name, offline=True) for name in names or NAMES])


def route(provider: str, tier: str, *, cost: float = 1.0, quality: float = 0.5) -> Route:
    return Route(provider=provider, model="m", tier=Tier(tier), cost=cost, quality=quality)


@pytest.mark.parametrize(
    ("strategy", "routes", "best"),
    [
        ("cheapest", [route("a", "premium", cost=2), route("b", "budget", cost=1)], "b"),
        ("cheapest", [route("a", "budget", quality=0.1), route("b", "premium")], "a"),
        ("smartest", [route("a", "balanced", quality=0.9), route("b", "premium")], "b"),
        ("smartest", [route("a", "premium"), route("b", "premium", quality=0.6)], "b"),
        ("smartest", [route("a", "premium", cost=2), route("b", "premium", cost=1)], "b"),
        ("balanced", [route("a", "premium", cost=0), route("b", "balanced", cost=9)], "b"),
        ("balanced", [route("a", "premium", cost=2), route("b", "budget", cost=1)], "b"),
        ("balanced", [route("a", "budget", cost=2), route("b", "premium", cost=1)], "b"),
    ],
)
def test_a_strategy_takes_the_best(strategy: str, routes: list[Route], best: str) -> None:
    """By its first measure, and where that is equal by the next, whatever the order."""
    assert ranked(routes, strategy)[0].provider == best


def test_who_answered_briefly_is_not_the_cheapest_for_that() -> None:
    """Of models of one tier the one of the lower price answers, though only the dearer was ever asked."""
    google, openai = Provider("google", offline=True), Provider("openai", offline=True)
    for _ in range(3):
        assert openai.chat(HARD).model == "o3"
    first, second = MultiProvider([openai, google]).routes(HARD, strategy="cheapest")
    assert (first.model, second.model) == ("gemini-3-pro-preview", "o3")
    assert first.cost < second.cost


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_ties_never_raise(strategy: str) -> None:
    """Of equal routes the first given wins."""
    for order in permutations("abc"):
        tied = ranked([route(name, "balanced") for name in order], strategy)
        assert [it.provider for it in tied] == [*order]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("prompt", [SIMPLE, HARD])
def test_the_chosen_route_answers(strategy: str, prompt: str) -> None:
    """The answer comes from the first of the routes, by the model it names."""
    multi = several()
    best = multi.routes(prompt, strategy=strategy)[0]
    answer = multi.chat(prompt, strategy=strategy)
    assert (answer.provider, answer.model) == (best.provider, best.model)
    assert "".join(multi.stream_text(prompt, strategy=strategy)) == answer.text


@pytest.mark.parametrize("names", [("google",), NAMES])
async def test_an_answer_of_several_can_be_rated(names: tuple[str, ...]) -> None:
    """Its own provider learns from it, whichever baseline it was measured against."""
    multi = several(*names)
    for answer in (await asyncio.to_thread(multi.chat, SIMPLE), await multi.achat(SIMPLE)):
        await answer.arate(5)
        with pytest.raises(InvalidInputError, match=r"1\.\.5"):
            await answer.arate(6)


async def test_the_awaited_forms_agree() -> None:
    """On a loop the same provider answers, whole and in pieces."""
    multi = several()
    answer = await multi.achat(SIMPLE)
    assert answer.provider == (await multi.aroutes(SIMPLE))[0].provider == "google"
    assert "".join([it async for it in multi.astream_text(SIMPLE)]) == answer.text


def test_an_abandoned_stream_of_several_is_paid(home: House) -> None:
    """After the first piece the caller goes away, and what was said is on the ledger."""
    google = Provider("google", offline=True)
    pieces = MultiProvider([google, Provider("openai", offline=True)]).stream_text(SIMPLE)
    assert next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    (record,) = booked(home, google.account)
    assert record.cost > 0


def test_looking_at_routes_is_free(home: House) -> None:
    """No provider is called or paid for saying where a prompt would go."""
    multi, google = several(), Provider("google", offline=True)
    assert {it.provider for it in multi.routes(SIMPLE)} == {*NAMES}
    assert booked(home, google.account) == []


@pytest.fixture
def half(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Google out of reach, and OpenAI served on loopback: what is asked of it."""
    with Served() as served:
        served.answers = lambda _: Answer(body=OPENAI.answer("Tokyo"))
        monkeypatch.setenv("OPENAI_BASE_URL", served.server.url + "/v1")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
        yield served


@pytest.mark.usefixtures("half")
def test_the_next_provider_answers_where_the_chosen_one_fails(home: House) -> None:
    """All of google's models fail; openai's route answers, and is measured against the dearest."""
    google, openai = Provider("google", "KEY"), Provider("openai", "KEY")
    failed = list[Any]()
    google.on("error", failed.append)
    answer = MultiProvider([google, openai]).chat(SIMPLE, strategy="cheapest")
    assert (answer.text, answer.provider, answer.base_model) == ("Tokyo", "openai", "o3")
    assert isinstance(failed[0], AllModelsFailedError)
    assert sum(record.cost for record in booked(home, openai.account)) == answer.cost


@pytest.mark.usefixtures("half")
async def test_awaited_and_streamed_calls_fall_back_too() -> None:
    """A stream that cannot begin at one provider begins at the next."""
    multi = MultiProvider([Provider("google", "KEY"), Provider("openai", "KEY")])
    assert (await multi.achat(SIMPLE)).provider == "openai"
    assert "".join([it async for it in multi.astream_text(SIMPLE)]) == "Tokyo"
    assert "".join(await asyncio.to_thread(lambda: [*multi.stream_text(SIMPLE)])) == "Tokyo"


def test_what_failed_calls_were_billed_counts(half: Served, home: House) -> None:
    """An empty answer of one provider was paid for; the response of the next says so."""
    half.answers = lambda received: Answer(
        body=OPENAI.answer("" if received.body["model"] in {"gpt-4o", "gpt-4o-mini"} else "Tokyo")
    )
    openai = Provider("openai", "KEY")
    answer = MultiProvider([openai]).chat(SIMPLE)
    assert answer.model == "o3"
    assert sum(it.cost for it in booked(home, openai.account)) == pytest.approx(answer.cost)
    half.answers = lambda _: Answer(body=OPENAI.answer(""))
    anthropic = Provider("anthropic", offline=True)
    spent = sum(it.cost for it in booked(home, openai.account))
    answer = MultiProvider([openai, anthropic]).chat(SIMPLE, strategy="smartest")
    after = [*booked(home, openai.account), *booked(home, anthropic.account)]
    assert answer.provider == "anthropic"
    assert answer.cost == pytest.approx(sum(it.cost for it in after) - spent)


async def test_what_failed_calls_were_estimated_at_counts(half: Served, home: House) -> None:
    """Connections that break off bring no word of a bill; responses and errors say what is booked."""
    half.answers = lambda _: Answer(body=OPENAI.answer("Tokyo"), cut=True)
    openai, anthropic = Provider("openai", "KEY"), Provider("anthropic", offline=True)
    multi = MultiProvider([openai, anthropic])
    one = await asyncio.to_thread(multi.chat, SIMPLE, strategy="smartest")
    other = await multi.achat(SIMPLE, strategy="smartest")
    with pytest.raises(AllModelsFailedError) as raised:
        await MultiProvider([openai]).achat(SIMPLE)
    said = one.cost + other.cost + raised.value.cost
    paid = [await asyncio.to_thread(booked, home, it.account) for it in (openai, anthropic)]
    assert min(len(records) for records in paid) > 1
    assert all(record.cost > 0 for record in paid[0])
    assert said == pytest.approx(sum(record.cost for records in paid for record in records))


def test_nobody_there_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names every model of every provider."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
    multi = MultiProvider([Provider("google", "KEY"), Provider("openai", "KEY")])
    with pytest.raises(AllModelsFailedError) as raised:
        multi.chat(SIMPLE)
    assert len({failure.model for failure in raised.value.failures}) == 6


@pytest.mark.parametrize("call", ["chat", "stream_text", "routes"])
def test_an_unknown_strategy_lists_those_there_are(call: str) -> None:
    """Before any provider is asked."""
    with pytest.raises(InvalidInputError, match=r"'fastest'.*cheapest, smartest, balanced"):
        list(getattr(several(), call)(SIMPLE, strategy="fastest"))


def test_no_providers_and_twice_the_same_are_refused() -> None:
    """So is what is no provider."""
    google = Provider("google", offline=True)
    for given in ([], [google, Provider("google", offline=True)], ["google"]):
        with pytest.raises(InvalidInputError):
            MultiProvider(given)  # type: ignore[arg-type]


def test_an_own_price_moves_the_cheapest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The expected cost is that of the prices that hold."""
    assert several().routes(SIMPLE)[0].provider == "google"
    dear = {"input": 900, "output": 900}
    prices = dict.fromkeys(("gemini-2.5-flash-lite", "gemini-3-flash-preview"), dear)
    monkeypatch.setenv("CONDUIT_PRICING_JSON", json.dumps(prices))
    assert several("google", "openai").routes(SIMPLE)[0].model == "gpt-4o"
