"""Listeners are told, middleware stands between; neither loses an answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from conduit import Provider
from conduit.core.errors import AllModelsFailedError, ConfigurationError, InvalidInputError
from conduit.core.outcomes import Response
from conduit.simple.house import House
from conduit.simple.providers.hooks import Next, Request
from conduit.simple.providers.routes import Route

from .houses import booked

SIMPLE = "What is the capital of Japan?"


@pytest.fixture
def google() -> Provider:
    """A provider whose models are scripted."""
    return Provider("google", offline=True)


def recorder(provider: Provider) -> list[tuple[str, Any]]:
    """What listeners of a provider are told, in order."""
    heard = list[tuple[str, Any]]()
    for event in ("route", "response", "error"):
        provider.on(event, lambda value, event=event: heard.append((event, value)))
    return heard


@pytest.mark.parametrize("stream", [False, True])
def test_route_then_response(google: Provider, stream: bool) -> None:
    """Whole or in pieces, a call tells its route and then its answer, which agree."""
    heard = recorder(google)
    text = "".join(google.stream_text(SIMPLE)) if stream else google.chat(SIMPLE).text
    (first, route), (second, response) = heard
    assert (first, second) == ("route", "response")
    assert isinstance(route, Route)
    assert isinstance(response, Response)
    assert (route.model, text) == (response.model, response.text)
    assert route.tier.value == "balanced"
    assert 0 < route.quality <= 1
    assert route.cost > 0


async def test_awaited_calls_tell_the_same(google: Provider) -> None:
    """On a loop too, whole and in pieces."""
    heard = recorder(google)
    await google.achat(SIMPLE)
    assert [it async for it in google.astream_text(SIMPLE)]
    assert [event for event, _ in heard] == ["route", "response"] * 2


def test_a_failed_call_tells_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The very error that the caller gets."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    provider = Provider("openai", "KEY")
    heard = recorder(provider)
    with pytest.raises(AllModelsFailedError) as raised:
        provider.chat(SIMPLE)
    assert [event for event, _ in heard] == ["route", "error"]
    assert heard[1][1] is raised.value


def test_a_call_that_cannot_begin_tells_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is gone by the time of the call is an error of that call."""
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    provider = Provider("openai")
    heard = recorder(provider)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ConfigurationError) as raised:
        provider.chat(SIMPLE)
    assert heard == [("error", raised.value)]


def test_a_listener_that_raises_is_logged(
    google: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is given, and the listeners after it are told."""
    heard = list[object]()

    @google.on("response")
    def broken(_: object) -> None:
        raise RuntimeError("my own fault")

    google.on("response", heard.append)
    with caplog.at_level(logging.ERROR):
        answer = google.chat(SIMPLE)
    assert heard == [answer]
    assert "my own fault" in caplog.text


def test_a_decorated_listener_stays_a_function(google: Provider) -> None:
    """``@provider.on(...)`` and ``@provider.use`` hand back what they were given."""

    @google.on("route")
    def listener(route: Route) -> str:
        return route.model

    @google.use
    def passing(request: Request, call: Next) -> Any:
        return call(request)

    route = google.route(SIMPLE)
    assert listener(route) == route.model
    assert google.chat(SIMPLE).model == route.model
    assert callable(passing)


@pytest.mark.parametrize("decorated", [True, False])
def test_an_unknown_event_lists_those_there_are(google: Provider, decorated: bool) -> None:
    """As a decorator it is refused at once, too."""
    with pytest.raises(InvalidInputError, match=r"'answer'.*route, response, error"):
        google.on("answer", *([] if decorated else [print]))


def test_what_cannot_be_called_is_refused(google: Provider) -> None:
    """By on and by use."""
    with pytest.raises(InvalidInputError, match="is no function"):
        google.on("route", 3)  # type: ignore[call-overload]
    with pytest.raises(InvalidInputError, match="is no function"):
        google.use("middleware")  # type: ignore[type-var]


def test_middleware_is_passed_in_order_of_registration(google: Provider) -> None:
    """The first is outermost: it sees the request first and the answer last."""
    seen = list[str]()

    def named(name: str) -> Any:
        def middleware(request: Request, call: Next) -> Any:
            seen.append(f"{name} asks {request.prompt}")
            answer = call(replace(request, prompt=request.prompt + name))
            seen.append(f"{name} has {answer.model}")
            return answer

        return middleware

    google.use(named("A"))
    google.use(named("B"))
    answer = google.chat("hello ")
    assert answer.text.endswith("hello AB")
    assert seen == [
        "A asks hello ",
        "B asks hello A",
        f"B has {answer.model}",
        f"A has {answer.model}",
    ]


def test_a_request_is_replaced_not_changed(google: Provider) -> None:
    """It is frozen; what next is given is what is asked."""
    asked = list[Request]()

    def middleware(request: Request, call: Next) -> Any:
        with pytest.raises(AttributeError):
            request.prompt = "another"  # type: ignore[misc]
        asked.append(request)
        return call(replace(request, max_tokens=3))

    google.use(middleware)
    answer = google.chat(SIMPLE, max_tokens=100, temperature=0.5)
    assert asked == [Request(prompt=SIMPLE, max_tokens=100, temperature=0.5)]
    assert (answer.output_tokens, answer.finish_reason) == (3, "length")


def test_middleware_may_answer_by_itself(google: Provider, home: House) -> None:
    """A text is an answer that cost nothing, for which no model is called and none is rated."""
    google.use(lambda request, call: "from my notes")
    answer = google.chat(SIMPLE)
    assert (answer.text, answer.cost, answer.savings) == ("from my notes", 0, 0)
    assert (answer.model, answer.provider, answer.base_model) == (
        "",
        "google",
        "gemini-3-pro-preview",
    )
    assert [*google.stream_text(SIMPLE)] == ["from my notes"]
    assert booked(home, google.account) == []
    with pytest.raises(InvalidInputError, match="no model gave"):
        answer.rate(5)


def test_middleware_sees_pieces(google: Provider) -> None:
    """Of a stream it gets an iterator, and may give another one."""

    @google.use
    def loud(request: Request, call: Next) -> Iterator[str]:
        assert request.stream
        return (piece.upper() for piece in call(request))

    assert "".join(google.stream_text("hello")).endswith("OFFLINE: HELLO")


def test_leaving_a_stream_reaches_through_middleware(google: Provider, home: House) -> None:
    """What was answered until then is paid, whatever stands between."""

    @google.use
    def passing(request: Request, call: Next) -> Iterator[str]:
        yield from call(request)

    pieces = google.stream_text("Say something long about the sea and its many moods")
    assert next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    (record,) = booked(home, google.account)
    assert record.cost > 0


@pytest.mark.parametrize("stream", [False, True])
def test_middleware_that_forgets_to_answer_is_told(google: Provider, stream: bool) -> None:
    """None is no answer; the error says what to return."""
    google.use(lambda request, call: None)
    with pytest.raises(InvalidInputError, match=r"middleware returned None.*next\(request\)"):
        [*google.stream_text(SIMPLE)] if stream else google.chat(SIMPLE)


def test_middleware_may_ask_again(google: Provider, home: House) -> None:
    """Each call that it makes is one, and paid."""
    google.use(lambda request, call: [call(request), call(request)][1])
    google.chat(SIMPLE)
    assert len(booked(home, google.account)) == 2


async def test_awaited_calls_pass_middleware_too(google: Provider, home: House) -> None:
    """On threads, so that plain functions will do; leaving a stream early is paid there too."""
    google.use(lambda request, call: call(replace(request, prompt="hello there")))
    assert (await google.achat(SIMPLE)).text.endswith("hello there")
    assert "".join([it async for it in google.astream_text(SIMPLE)]).endswith("hello there")
    pieces = google.astream_text(SIMPLE)
    assert await anext(pieces)
    await pieces.aclose()
