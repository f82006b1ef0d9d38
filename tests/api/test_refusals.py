"""What callers are told of errors of the engine: every kind has its status, code and figures."""

from __future__ import annotations

import logging
import time
from typing import Any

import openai
import pytest

from conduit.api.refusals import refusal_of
from conduit.core.errors import (
    AllModelsFailedError,
    BudgetExceededError,
    ConduitError,
    ConfigurationError,
    FailureKind,
    ProviderError,
    ReservationTimeoutError,
    StoreError,
)
from conduit.core.outcomes import Response
from conduit.core.requests import request_id
from conduit.engines.router import Router

from .serving import ASKED, CHAT, app_of, local, serving
from .test_chat import MESSAGES, client_of
from .test_own import PROMPT, error_of

SPENT = {
    "budget": "daily budget of user 'anna'",
    "scope": "user:anna",
    "window": "daily",
    "limit": 1.0,
    "spent": 0.75,
    "requested": 0.5,
}


def failed(kind: FailureKind, **said: Any) -> ProviderError:
    """A call that failed."""
    return ProviderError(kind, model="cheap", **said)


def refusing(error: ConduitError) -> type[Router]:
    """A router that answers everything with an error."""

    class Refusing(Router):
        async def complete(self, query: Any, **options: Any) -> Response:
            raise error

        stream = complete

    return Refusing


@pytest.mark.parametrize("stream", [False, True])
async def test_a_spent_budget_says_which_how_much_and_until_when(stream: bool) -> None:
    """402 with the budget in the error's own field, as the official client raises it."""
    error = BudgetExceededError(**SPENT, resets_at=time.time() + 60)
    async with serving(app_of(kind=refusing(error))) as served, client_of(served) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            await client.chat.completions.create(model="auto", messages=MESSAGES, stream=stream)
    said = caught.value.body
    assert (caught.value.status_code, said["code"]) == (402, "budget_exceeded")
    assert said["type"] == "insufficient_quota"
    budget = said["budget"]
    assert {name: budget[name] for name in ("scope", "window", "limit", "spent", "requested")} == {
        name: value for name, value in SPENT.items() if name != "budget"
    }
    assert budget["resets_at"] == error.resets_at
    assert 0 < budget["resets_in"] <= 60


async def test_a_wait_that_ended_is_told_apart() -> None:
    """402 too, but with a code of its own, and what was set aside for others."""
    error = ReservationTimeoutError(**SPENT, reserved=0.25, waited=3.0, resets_at=None)
    async with local(app_of(kind=refusing(error))) as http:
        said = error_of(await http.post("/v1/complete", json=PROMPT), 402)
    assert said["code"] == "reservation_timeout"
    assert (said["budget"]["reserved"], said["budget"]["waited"]) == (0.25, 3.0)
    assert (said["budget"]["resets_at"], said["budget"]["resets_in"]) == (None, None)


class Broken(Router):
    """Has a mistake in it."""

    async def complete(self, query: Any, **options: Any) -> Response:
        raise ZeroDivisionError("a secret")


async def test_a_mistake_of_ours_is_a_500_in_the_same_shape(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The caller learns nothing of it; the log names the request, the error and its place."""
    async with local(app_of(kind=Broken)) as http:
        said = error_of(await http.post("/v1/complete", json=PROMPT), 500)
    assert (said["code"], said["type"]) == ("internal_error", "api_error")
    assert "secret" not in said["message"]
    (line,) = [record.getMessage() for record in caplog.records if record.name == "conduit.api"]
    assert line.startswith("POST /v1/complete failed: ZeroDivisionError")
    assert "test_refusals.py" in line


class Ids(logging.Handler):
    """Knows for which request each line was written."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str | None] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.ids.append(request_id.get())


@pytest.mark.parametrize(("path", "body"), [("/v1/complete", PROMPT), (CHAT, ASKED)])
async def test_a_mistake_of_ours_is_found_by_its_id(path: str, body: dict[str, Any]) -> None:
    """A 500 carries the request's id and what keeps browsers away, and its line has the same id."""
    ids, log = Ids(), logging.getLogger("conduit.api")
    log.addHandler(ids)
    try:
        async with local(app_of(kind=Broken)) as http:
            answer = await http.post(path, json=body, headers={"X-Request-ID": "abc-1"})
    finally:
        log.removeHandler(ids)
    assert error_of(answer, 500)["code"] == "internal_error"
    assert answer.headers["x-request-id"] == "abc-1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ids.ids == ["abc-1"]


@pytest.mark.parametrize(
    ("failures", "status", "code"),
    [
        ([failed(FailureKind.RATE_LIMIT)] * 2, 429, "upstream_rate_limit"),
        ([failed(FailureKind.TIMEOUT)], 504, "upstream_timeout"),
        ([failed(FailureKind.RATE_LIMIT), failed(FailureKind.SERVER)], 502, "upstream_error"),
        ([failed(FailureKind.CONNECTION)] * 2, 502, "upstream_connection"),
        ([failed(FailureKind.EMPTY)], 502, "upstream_empty"),
    ],
)
def test_failures_that_all_models_share_keep_their_meaning(
    failures: list[ProviderError], status: int, code: str
) -> None:
    """A mixture of failures is a 502, as is everything that is no fault of the caller."""
    refusal = refusal_of(AllModelsFailedError(failures))
    assert (refusal.status, refusal.code) == (status, code)


def test_the_soonest_retry_is_told() -> None:
    """Of several providers that said when to come back, the first to be ready counts, rounded up."""
    failures = [failed(FailureKind.RATE_LIMIT, retry_after=wait) for wait in (7.2, 3.1, None)]
    assert refusal_of(AllModelsFailedError(failures)).headers == {"retry-after": "4"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreError("the database is away"), "store_unavailable"),
        (ConfigurationError("no API key is set"), "not_configured"),
        (ConduitError("this router is closed"), "unavailable"),
    ],
)
def test_what_the_operator_must_mend_is_a_503(error: ConduitError, code: str) -> None:
    """The message is the error's own line."""
    refusal = refusal_of(error)
    assert (refusal.status, refusal.code, refusal.message) == (503, code, str(error))
