"""``Provider`` against real servers: what is sent, paid, and given back when nobody answers."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Iterator

import pytest

from conduit import Provider
from conduit.core.budgets import Period, Scope, ScopeKind, Window
from conduit.core.errors import AllModelsFailedError, ConfigurationError, InvalidInputError
from conduit.core.spending import Spend
from conduit.engines.router import Router
from conduit.simple.house import House

from ...cli.conftest import Served
from ...providers.loopback import Answer, Received, Stream
from ...providers.protocols import ANTHROPIC, GOOGLE, OPENAI, Protocol
from ...providers.streamed import piece, streamed
from .houses import booked, on_desk

pytestmark = pytest.mark.filterwarnings("ignore:The model 'claude:DeprecationWarning")
"""Of Anthropic's library: the README's models age."""
ADDRESSES = {
    "openai": ("OPENAI_BASE_URL", "/v1"),
    "anthropic": ("ANTHROPIC_BASE_URL", ""),
    "google": ("GOOGLE_GEMINI_BASE_URL", ""),
}
KEY = "key-that-nobody-may-see"
SIMPLE = "What is the capital of Japan?"
TEXTS = ("Tokyo", " is it", ", and has been.")
EVERY_PROTOCOL = pytest.mark.parametrize("protocol", [GOOGLE, ANTHROPIC, OPENAI], ids=str)


@pytest.fixture
def served() -> Iterator[Served]:
    """A server on a thread of its own."""
    with Served() as running:
        yield running


@pytest.fixture
def provider(served: Served, monkeypatch: pytest.MonkeyPatch) -> Callable[[Protocol], Provider]:
    """Makes providers that call that server."""

    def make(protocol: Protocol) -> Provider:
        variable, path = ADDRESSES[protocol.name]
        monkeypatch.setenv(variable, served.server.url + path)
        return Provider(protocol.name, KEY)

    return make


MakeProvider = Callable[[Protocol], Provider]


@EVERY_PROTOCOL
def test_what_is_asked_is_sent(
    protocol: Protocol, provider: MakeProvider, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """Prompt, limit, temperature and the given key arrive; the key is in no log and no repr."""
    caplog.set_level(logging.DEBUG)
    served.answers = lambda _: Answer(body=protocol.answer("Tokyo"))
    mine = provider(protocol)
    response = mine.chat(SIMPLE, max_tokens=321, temperature=0.25)
    (received,) = served.server.requests
    model, text, most = protocol.asked(received)
    settings = received.body.get("generationConfig", received.body)
    assert (model, text, most) == (response.model, SIMPLE, 321)
    assert settings["temperature"] == 0.25
    assert protocol.key(received) == KEY
    assert (response.text, response.input_tokens, response.output_tokens) == ("Tokyo", 11, 7)
    assert KEY not in caplog.text + repr(mine) + repr(mine.account) + repr(response)


@EVERY_PROTOCOL
def test_the_readmes_limits_are_the_defaults(
    protocol: Protocol, provider: MakeProvider, served: Served
) -> None:
    """Without being told, an answer has at most 8192 tokens, at a temperature of 1."""
    served.answers = lambda _: Answer(body=protocol.answer("Tokyo"))
    provider(protocol).chat(SIMPLE)
    (received,) = served.server.requests
    settings = received.body.get("generationConfig", received.body)
    assert (protocol.asked(received)[2], settings["temperature"]) == (8192, 1.0)


@EVERY_PROTOCOL
def test_a_stream_is_given_piece_by_piece_and_paid(
    protocol: Protocol, provider: MakeProvider, served: Served, home: House
) -> None:
    """The pieces come as they were sent, and their tokens as billed are on the ledger."""
    served.answers = lambda _: Stream(pieces=streamed(protocol, TEXTS))  # type: ignore[assignment,return-value]
    mine = provider(protocol)
    assert [*mine.stream_text(SIMPLE)] == [*TEXTS]
    (record,) = booked(home, mine.account)
    assert (record.input_tokens, record.output_tokens) == (11, 7)
    assert record.cost > 0


def hanging(protocol: Protocol) -> Stream:
    """A stream whose second piece never comes."""
    return Stream(
        pieces=[*streamed(protocol, TEXTS)[:-3], piece(protocol, "!")], gate=asyncio.Event()
    )


@pytest.mark.parametrize("leave", ["break", "close"])
def test_an_abandoned_stream_is_paid_as_far_as_it_went(
    leave: str, provider: MakeProvider, served: Served, home: House
) -> None:
    """After one piece the caller goes away: the server is hung up on, and its cost is booked."""
    served.answers = lambda _: hanging(OPENAI)  # type: ignore[assignment,return-value]
    mine = provider(OPENAI)
    pieces = mine.stream_text(SIMPLE)
    if leave == "break":
        for text in pieces:
            assert text == TEXTS[0]
            break
        del pieces
    else:
        assert next(pieces) == TEXTS[0]
        pieces.close()  # type: ignore[attr-defined]
    (record,) = booked(home, mine.account)
    assert (record.model, record.input_tokens, record.output_tokens) == ("gpt-4o", 8, 2)
    assert record.cost == pytest.approx((8 * 2.50 + 2 * 10.00) / 1e6)
    gone = asyncio.run_coroutine_threadsafe(served.server.hung_up.wait(), served._loop)
    assert gone.result(timeout=10)


async def test_an_abandoned_stream_of_a_loop_is_paid_too(
    provider: MakeProvider, served: Served, home: House
) -> None:
    """``async for`` and a break come to the same once the generator is closed."""
    served.answers = lambda _: hanging(OPENAI)  # type: ignore[assignment,return-value]
    mine = provider(OPENAI)
    pieces = mine.astream_text(SIMPLE)
    assert await anext(pieces) == TEXTS[0]
    await pieces.aclose()
    (record,) = await asyncio.to_thread(booked, home, mine.account)
    assert record.output_tokens == 2


async def test_cancelling_hangs_up_and_gives_money_back(
    provider: MakeProvider, served: Served, home: House
) -> None:
    """A call that was cancelled while a model thinks is hung up on, and sets nothing aside any more."""
    served.answers = lambda _: Answer(body=OPENAI.answer("late"), delay=3600.0)
    mine = provider(OPENAI)
    await asyncio.to_thread(on_desk, home, mine.account, budget)
    asking = asyncio.ensure_future(mine.achat(SIMPLE))
    asked = asyncio.run_coroutine_threadsafe(served.server.asked.wait(), served._loop)
    assert await asyncio.wrap_future(asked)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    gone = asyncio.run_coroutine_threadsafe(served.server.hung_up.wait(), served._loop)
    assert await asyncio.wrap_future(gone)
    (spend,) = await asyncio.to_thread(on_desk, home, mine.account, standing)
    assert spend.reserved == 0


async def budget(router: Router) -> None:
    ledger = await router.ledger()
    for model in ("gpt-4o",):
        await ledger.set_budget(
            Scope(ScopeKind.MODEL, model), Window(Period.TOTAL), 1.0, actor="test"
        )


async def standing(router: Router) -> list[Spend]:
    return await (await router.ledger()).standing()


def test_nobody_there_is_one_error_and_no_money(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All three models are asked; the error names them, and all that was set aside is free again."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    mine = Provider("openai", KEY)
    on_desk(home, mine.account, budget)
    with pytest.raises(AllModelsFailedError) as raised:
        mine.chat(SIMPLE)
    assert {failure.model for failure in raised.value.failures} == {"gpt-4o-mini", "gpt-4o", "o3"}
    assert "\n" not in str(raised.value)
    assert KEY not in str(raised.value)
    (spend,) = on_desk(home, mine.account, standing)
    assert (spend.settled, spend.reserved) == (0, 0)
    assert sum(record.cost for record in booked(home, mine.account)) == 0


def test_nobody_there_ends_a_stream_with_the_same_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that cannot begin raises it at its first piece."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(AllModelsFailedError):
        next(iter(Provider("openai", KEY).stream_text(SIMPLE)))


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("google", "GOOGLE_API_KEY or GEMINI_API_KEY"),
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("openai", "OPENAI_API_KEY"),
    ],
)
def test_without_a_key_the_variable_is_named(name: str, variables: str) -> None:
    """One line says which variable to set, and that it can be tried offline."""
    with pytest.raises(ConfigurationError, match=re.escape(variables)) as raised:
        Provider(name)
    assert "offline=True" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert Provider(name, offline=True).chat("hello").provider == name


def test_a_key_of_the_environment_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing needs to be given where it is set."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    assert Provider("google").name == "google"


def test_a_key_is_its_providers_alone(
    provider: MakeProvider, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another one is set, each provider still sends its own."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "the-other-ones")
    seen: list[str | None] = []

    def answer(received: Received) -> Answer:
        protocol = OPENAI if "chat" in received.path else ANTHROPIC
        seen.append(protocol.key(received))
        return Answer(body=protocol.answer("Tokyo"))

    served.answers = answer
    first = provider(OPENAI)
    provider(ANTHROPIC)
    first.chat(SIMPLE)
    Provider("anthropic").chat(SIMPLE)
    assert seen == [KEY, "the-other-ones"]


@pytest.mark.parametrize(
    "options", [{"temperature": 2.5}, {"temperature": -1.0}, {"max_tokens": 0}], ids=str
)
def test_a_limit_out_of_range_is_refused(options: dict[str, float], home: House) -> None:
    """Before anything is called or spent."""
    mine = Provider("google", offline=True)
    with pytest.raises(InvalidInputError):
        mine.chat(SIMPLE, **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError):
        [*mine.stream_text(SIMPLE, **options)]  # type: ignore[arg-type]
    assert booked(home, mine.account) == []


def test_an_empty_prompt_is_refused() -> None:
    """By a chat and by a look at its route."""
    mine = Provider("google", offline=True)
    for ask in (mine.chat, mine.route):
        with pytest.raises(InvalidInputError, match="empty"):
            ask("  ")


def test_a_key_that_is_no_text_is_refused() -> None:
    """Its type is named, not its value."""
    with pytest.raises(InvalidInputError, match="api_key is a int"):
        Provider("google", 12)  # type: ignore[arg-type]


def test_a_look_at_a_route_agrees_with_the_answer(home: House) -> None:
    """Nothing is recorded or spent by looking, and the next chat goes there."""
    mine = Provider("anthropic", offline=True)
    route = mine.route(SIMPLE)
    assert booked(home, mine.account) == []
    assert route.model == mine.chat(SIMPLE).model == "claude-sonnet-4-5"
    assert (route.provider, route.tier.value) == ("anthropic", "balanced")


def test_an_answer_takes_a_rating() -> None:
    """Once; one out of range is refused."""
    answer = Provider("google", offline=True).chat(SIMPLE)
    answer.rate(5)
    answer.rate(5)
    with pytest.raises(InvalidInputError):
        answer.rate(6)


async def test_the_awaited_forms_agree_with_the_plain_ones() -> None:
    """The same prompt has the same answer, whole and in pieces."""
    mine = Provider("google", offline=True)
    whole = await mine.achat(SIMPLE)
    assert whole.text == mine.chat(SIMPLE).text
    assert "".join([it async for it in mine.astream_text(SIMPLE)]) == whole.text
    assert (await mine.aroute(SIMPLE)).model == whole.model


def test_one_provider_serves_many_threads(home: House) -> None:
    """Calls of one provider from many threads are each answered and paid once."""
    mine, texts = Provider("google", offline=True), list[str]()
    threads = [
        threading.Thread(target=lambda n=n: texts.append(mine.chat(f"hello number {n}").text))
        for n in range(32)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {int(text.rsplit(" ", 1)[1]) for text in texts} == set(range(32))
    assert len(booked(home, mine.account)) == 32


@EVERY_PROTOCOL
def test_a_server_at_another_address_is_asked_without_a_key(
    protocol: Protocol, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a provider's address alone is set, its models are called there all the same."""
    for name in ("openai", "anthropic", "google", "gemini"):
        monkeypatch.delenv(f"{name.upper()}_API_KEY", raising=False)
    variable, path = ADDRESSES[protocol.name]
    monkeypatch.setenv(variable, served.server.url + path)
    served.answers = lambda _: Answer(body=protocol.answer("Tokyo"))
    assert Provider(protocol.name).chat(SIMPLE).text == "Tokyo"
