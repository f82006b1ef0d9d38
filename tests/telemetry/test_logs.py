"""Log lines: what they say, and what they never do."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry

from conduit.core.chat import Chat
from conduit.core.clocks import ManualClock
from conduit.core.errors import AllModelsFailedError, FailureKind, ProviderError
from conduit.core.events import Completed, Event, Failed
from conduit.core.models import Query
from conduit.core.requests import request_id
from conduit.engines.telemetry import log_formatter_from, secrets_of, telemetry_from
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.telemetry.logs import formatter_of
from conduit.telemetry.metrics import render
from conduit.telemetry.opening import open_telemetry
from conduit.telemetry.secrets import Mask
from tests.engines.builders import CHEAP, DEAR, router_of
from tests.telemetry.builders import a_response, decided, executed
from tests.telemetry.receivers import http_receiver


@contextmanager
def lines_of(formatter: logging.Formatter) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger, and what a handler with that formatter writes of it."""
    logger, written = logging.getLogger("conduit.requests"), io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield logger, written
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def logged(*events: Event, log_format: str = "json") -> list[str]:
    """The lines that these events leave."""
    with lines_of(formatter_of(log_format)) as (logger, written):
        telemetry = open_telemetry(clock=ManualClock(103.0), logger=logger)
        for event in events:
            for subscriber in telemetry.subscribers:
                subscriber(event)
    return written.getvalue().splitlines()


def test_each_event_is_one_line_of_json() -> None:
    """Time, level, request, decision, model, cost, latency and outcome can be read by machines."""
    token = request_id.set("r-7")
    try:
        lines = logged(decided(), executed(), Completed(a_response()))
    finally:
        request_id.reset(token)
    decision, attempt, request = map(json.loads, lines)
    assert (decision["message"], decision["level"]) == ("decided", "debug")
    assert (attempt["message"], attempt["outcome"]) == ("attempt", "answered")
    expected = {
        "level": "info",
        "message": "request",
        "request_id": "r-7",
        "decision_id": "d1",
        "model": "mini",
        "provider": "openai",
        "outcome": "answered",
        "cost": 0.001,
        "saved": 0.003,
        "latency": 3.5,
        "attempts": 1,
    }
    assert {name: request[name] for name in expected} == expected
    assert request["time"].endswith("Z")


def test_failures_are_warnings_and_errors() -> None:
    """A call that failed is a warning; a query that nobody answered is an error."""
    lines = logged(
        decided(),
        executed(failure=FailureKind.SERVER, status=503),
        Failed("d1", AllModelsFailedError([])),
    )
    attempt, request = map(json.loads, lines[1:])
    assert (attempt["level"], attempt["outcome"], attempt["status"]) == ("warning", "server", 503)
    assert (request["level"], request["error"]) == ("error", "AllModelsFailedError")


def test_text_says_the_same_on_one_line() -> None:
    """People read fields as name=value, whatever line breaks a value has."""
    (line,) = logged(Completed(a_response(model="mi\nni")), log_format="text")
    assert " info conduit.requests request " in line
    assert "model=mi ni" in line
    assert "cost=0.001" in line


def test_an_exception_is_told_by_class_and_place() -> None:
    """What an exception quotes may be a prompt, so its words are left out."""
    prompt = "-".join(("canary", "prompt"))
    with lines_of(formatter_of("json")) as (logger, written):
        try:
            raise ValueError(prompt)
        except ValueError:
            logger.exception("it broke")
    line = json.loads(written.getvalue())
    assert line["exception"] == "ValueError"
    assert "test_logs.py" in line["trace"]
    assert prompt not in written.getvalue()


def test_known_secrets_are_hidden_in_every_line() -> None:
    """Whoever logs an address or a key by mistake does not give it away; short words stay."""
    for log_format in ("json", "text"):
        formatter = formatter_of(log_format, mask=Mask(["canary-key", "canary-key-2", "abc"]))
        with lines_of(formatter) as (logger, written):
            logger.info("calling with %s", "canary-key-2", extra={"fields": {"at": "canary-key"}})
            logger.info("abc")
        assert "canary" not in written.getvalue()
        assert "********-2" not in written.getvalue()
        assert "abc" in written.getvalue()
    assert "canary" not in repr(Mask(["canary-key"]))


def test_every_secret_of_the_settings_is_known() -> None:
    """Keys, tokens, and passwords inside addresses are what lines are searched for."""
    settings = Settings.load(
        {
            "OPENAI_API_KEY": "canary-openai",
            "CONDUIT_API_KEY": "canary-own",
            "DATABASE_URL": "postgresql://u:canary-pw%21@h/db",
            "TRACELOOP_BASE_URL": "http://u:canary-otel@h:4318",
        },
        None,
    )
    expected = {"canary-openai", "canary-own", "canary-pw%21", "canary-pw!", "canary-otel"}
    assert expected <= set(secrets_of(settings))


async def test_no_canary_is_told_by_anything() -> None:
    """Prompt, answer and keys are in no log line, span or series, whether calls fail or not."""
    key, prompt, answer = "canary-key-123", "canary prompt", "canary answer"
    blunt = ProviderError(FailureKind.SERVER, model="cheap", detail=f"{prompt} {key}", status=500)
    client = ScriptedProvider(answer, failures={"cheap": [blunt, blunt], "dear": [None, blunt]})
    registry = CollectorRegistry()
    with http_receiver() as received:
        environ = {
            "OPENAI_API_KEY": key,
            "CONDUIT_OTEL_ENABLED": "1",
            "TRACELOOP_BASE_URL": received.url,
            "CONDUIT_LOG_FORMAT": "json",
        }
        settings = Settings.load(environ, None)
        telemetry = telemetry_from(settings, registry=registry)
        with lines_of(log_formatter_from(settings)) as (_, written):
            async with router_of(
                CHEAP, DEAR, client=client, policy="cheapest", subscribers=telemetry.subscribers
            ) as router:
                chat = Chat(messages=({"role": "user", "content": prompt},))
                await router.complete(Query(prompt, chat=chat))
                try:
                    await router.complete(prompt)
                except AllModelsFailedError as error:
                    event = Failed("unknown", error)
                    for subscriber in telemetry.subscribers:
                        subscriber(event)
        await telemetry.aclose()
    assert len(received.spans) > 2
    assert written.getvalue().count("\n") > 4
    said = received.raw + written.getvalue().encode() + render(registry)[0]
    assert b"canary" not in said
