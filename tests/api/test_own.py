"""Conduit's own routes: what they decide, answer, learn and count."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from conduit.api.chat_request import OWN
from conduit.core.errors import StoreError
from conduit.core.outcomes import ModelReply, ModelRequest, Signal
from conduit.core.sharing import Json, Pulse
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.memory import MemoryStore

from ..engines.builders import CHEAP, DEAR
from .serving import ASKED, CHAT, app_of, local

PROMPT = {"prompt": "What is 2+2?"}


class Remembering(ScriptedProvider):
    """Answers, and knows the options of every call."""

    def __init__(self) -> None:
        super().__init__("4")
        self.options: list[Json] = []

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Likewise."""
        assert request.chat is not None
        self.options.append(request.chat.options)
        return await super().complete(request)


def error_of(answer: httpx.Response, status: int) -> Any:
    """The one error of a refused request."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["message"]
    return error


async def test_route_decides_and_calls_nobody() -> None:
    """The decision is whole, logged, and found again by its id."""
    async with local(app_of()) as http:
        decided = (await http.post("/v1/route", json=PROMPT)).json()
        found = (await http.get(f"/v1/decisions/{decided['decision_id']}")).json()
        stats = (await http.get("/v1/stats")).json()
    assert decided["model"] in {"cheap", "dear"}
    assert sum(decided["probabilities"].values()) == pytest.approx(1)
    assert decided["propensity"] == decided["probabilities"][decided["model"]]
    assert set(decided["estimates"]) == {"cheap", "dear"}
    assert found == decided
    assert (stats["decisions"], stats["answers"]) == (1, 0)


async def test_complete_answers_and_says_what_it_saved() -> None:
    """The answer's cost and saving add up to the baseline's cost."""
    async with local(app_of()) as http:
        answer = (await http.post("/v1/complete", json=PROMPT | {"model": "cheap"})).json()
    assert (answer["text"], answer["model"], answer["baseline"]) == ("4", "cheap", "dear")
    assert answer["cost"] + answer["saved"] == pytest.approx(answer["baseline_cost"])
    assert answer["savings_percent"] == pytest.approx(
        100 * answer["saved"] / answer["baseline_cost"]
    )


async def test_a_conversation_may_take_the_prompt_s_place() -> None:
    """messages are a prompt too; both, or neither, are refused."""
    async with local(app_of()) as http:
        assert (await http.post("/v1/complete", json=ASKED)).json()["text"] == "4"
        both = await http.post("/v1/complete", json=ASKED | PROMPT)
        neither = await http.post("/v1/complete", json={})
    assert "either prompt or messages" in error_of(both, 422)["message"]
    assert "either prompt or messages" in error_of(neither, 422)["message"]


@pytest.mark.parametrize("name", OWN)
async def test_options_say_nothing_of_the_protocol_s_own(name: str) -> None:
    """A field that would change how often, how long or how the model answers is refused by name."""
    async with local(app_of(client := Remembering())) as http:
        refused = await http.post("/v1/complete", json=PROMPT | {"options": {name: 50}})
        await http.post("/v1/complete", json=PROMPT | {"options": {name: None, "seed": 7}})
    error = error_of(refused, 422)
    assert error["param"] == "options"
    assert repr(name) in error["message"]
    assert client.options == [{"seed": 7}]


@pytest.mark.parametrize("field", ["options", "messages"])
async def test_a_nested_body_is_refused(field: str) -> None:
    """What is deeper than a recursion goes is refused, and no failure of the server."""
    deep: Any = "end"
    for _ in range(600):
        deep = [deep]
    said = {
        "options": PROMPT | {"options": {"metadata": deep}},
        "messages": {"messages": [{"role": "user", "content": "Hi", "metadata": deep}]},
    }
    async with local(app_of()) as http:
        for route in ("/v1/complete", "/v1/route"):
            error = error_of(await http.post(route, json=said[field]), 422)
            assert "nested deeper than 64" in error["message"]


@pytest.mark.parametrize("by", ["decision_id", "response_id"])
async def test_feedback_joins_by_either_id_and_is_idempotent(by: str) -> None:
    """The first rating changes something, the same again nothing, and another replaces it."""
    async with local(app_of()) as http:
        answer = (await http.post(CHAT, json=ASKED)).json()
        whole = answer["id"]
        join = {by: whole if by == "response_id" else whole.removeprefix("chatcmpl-")}
        first, again, other = [
            (await http.post("/v1/feedback", json=join | {"rating": rating})).json()["changed"]
            for rating in (5, 5, 1)
        ]
        stats = (await http.get("/v1/stats")).json()
    (change,) = first
    assert (change["model"], change["signal"]) == (answer["model"], Signal.RATING)
    assert change["previous"] is None
    assert again == []
    assert other[0]["previous"] == change["value"]
    assert stats["ratings"] == 1


@pytest.mark.parametrize("path", ["/v1/complete", "/v1/feedback"])
async def test_a_body_that_is_no_json_is_said_to_be_none(path: str) -> None:
    """A body that cannot be read is to blame as a whole, not where its reading ended."""
    headers = {"Content-Type": "application/json"}
    async with local(app_of()) as http:
        answer = await http.post(path, content=b'{"prompt": ', headers=headers)
    said = error_of(answer, 422)
    assert said["message"].startswith("the body is no JSON")
    assert (said["code"], said["param"]) == ("invalid_json", None)


@pytest.mark.parametrize("path", ["/v1/complete", "/v1/feedback", "/llm", "/generate"])
@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_of_another_kind_is_told_which_header_is_missing(
    path: str, kind: str | None
) -> None:
    """Whoever forgets the header is told of it, and not that an object is none."""
    client = ScriptedProvider("4")
    headers = {} if kind is None else {"Content-Type": kind}
    async with local(app_of(client)) as http:
        answer = await http.post(path, content=b'{"prompt": "hi"}', headers=headers)
        listed = await http.post("/v1/complete", json=[])
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.text
    assert "unsupported_media_type" in answer.text
    assert listed.status_code == 422
    assert client.requests == []


async def test_feedback_that_says_nothing_or_too_much_is_refused() -> None:
    """An unknown decision, no value, two ids, and values out of range are 4xx with a reason."""
    async with local(app_of()) as http:
        answer = (await http.post(CHAT, json=ASKED)).json()
        known = {"response_id": answer["id"]}

        async def say(**said: Any) -> httpx.Response:
            return await http.post("/v1/feedback", json=said)

        unknown = error_of(await say(decision_id="never", rating=5), 404)
        assert unknown["code"] == "decision_not_found"
        assert "without a value" in error_of(await say(**known), 400)["message"]
        assert error_of(await say(**known, rating=6), 422)["param"] == "rating"
        assert error_of(await say(**known, quality_score=-1), 422)["param"] == "quality_score"
        for name, most in (("cost", 2e6), ("latency", 86_400), ("output_tokens", 10**9)):
            assert error_of(await say(**known, **{name: most + 1}), 422)["param"] == name
        assert error_of(await say(**known, rating=5, colour="red"), 422)["param"] == "colour"
        assert "either" in error_of(await say(**known, decision_id="x", rating=5), 422)["message"]
        other = await say(**known, rating=5, model="gpt-99")
        assert error_of(other, 404)["code"] == "model_not_found"


async def test_statistics_add_up() -> None:
    """Money, answers and attempts are the sums of what each answer said."""
    async with local(app_of()) as http:
        answers = [(await http.post("/v1/complete", json=PROMPT)).json() for _ in range(3)]
        stats = (await http.get("/v1/stats")).json()
    assert stats["answers"] == stats["decisions"] == 3
    assert stats["cost"] == pytest.approx(sum(answer["cost"] for answer in answers))
    assert stats["saved"] == pytest.approx(sum(answer["saved"] for answer in answers))
    assert sum(model["attempts"] for model in stats["models"].values()) == 3
    assert sum(model["cost"] for model in stats["models"].values()) == pytest.approx(stats["cost"])


async def test_statistics_have_what_was_paid_for_nothing() -> None:
    """A query that no model answered costs what its attempts were billed, each with its model."""
    empty = ModelReply(text="", input_tokens=1000, output_tokens=1000, latency=0.25)
    async with local(app_of(ScriptedProvider(lambda _: empty))) as http:
        error_of(await http.post("/v1/complete", json=PROMPT), 502)
        stats = (await http.get("/v1/stats")).json()
    billed = {name: model["cost"] for name, model in stats["models"].items() if model["attempts"]}
    assert billed
    prices = {arm.id: arm.price for arm in (CHEAP, DEAR)}
    for name, cost in billed.items():
        price = prices[name]
        assert price is not None
        attempts = stats["models"][name]["attempts"]
        assert cost == pytest.approx(attempts * price.cost(input_tokens=1000, output_tokens=1000))
    assert stats["cost"] == pytest.approx(sum(billed.values()))
    assert stats["saved"] == pytest.approx(-stats["cost"])


async def test_what_there_is_not_is_said() -> None:
    """An unknown decision, address or method are refused with what to do."""
    async with local(app_of()) as http:
        decision = error_of(await http.get("/v1/decisions/never"), 404)
        assert decision["code"] == "decision_not_found"
        assert "/docs" in error_of(await http.get("/v1/nothing"), 404)["message"]
        assert "/docs" in error_of(await http.get(CHAT), 405)["message"]


async def test_health_and_metrics() -> None:
    """The server lives, has started, and can serve; metrics are Prometheus's text."""
    async with local(app_of()) as http:
        for name in ("live", "startup", "ready"):
            assert (await http.get(f"/health/{name}")).json()["status"] == "ok"
        await http.post(CHAT, json=ASKED | {"model": "cheap"})
        metrics = await http.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "# TYPE process_resident_memory_bytes gauge" in metrics.text
    answered = 'conduit_requests_total{model="cheap",outcome="answered",provider="local"} 1.0'
    assert answered in metrics.text.splitlines()


async def test_a_server_that_is_not_open_says_so() -> None:
    """Before its start a server lives, and is neither started nor ready."""
    transport = httpx.ASGITransport(app_of())
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        assert (await http.get("/health/live")).status_code == 200
        assert (await http.get("/health/ready")).status_code == 503
        assert (await http.get("/health/startup")).status_code == 503
        assert (await http.get("/v1/stats")).status_code == 503


async def test_nobody_is_told_where_the_store_is(caplog: pytest.LogCaptureFixture) -> None:
    """Whether it answers is said without a key; which server does not is in the log."""

    class Leaving(MemoryStore):
        away = False

        async def pulse(self) -> Pulse:
            if self.away:
                raise StoreError("the server at db.internal:5432 does not answer")
            return await super().pulse()

    store = Leaving()
    async with local(app_of(store=store)) as http:
        store.away = True
        answer = await http.get("/health/ready")
        store.away = False
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "reason": "the store does not answer"}
    assert "db.internal:5432" in caplog.text


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
async def test_a_header_names_the_same_user_as_the_body(encoding: str) -> None:
    """A name beyond ASCII spends from one budget, however it is sent."""
    async with local(app_of()) as http:
        named = [(b"x-conduit-user", "José".encode(encoding))]
        for sent in ({"json": ASKED, "headers": named}, {"json": ASKED | {"user": "José"}}):
            told = (await http.post(CHAT, **sent)).headers["x-conduit-decision-id"]
            assert (await http.get(f"/v1/decisions/{told}")).json()["user"] == "José"


async def test_a_budget_holds_for_a_user_named_in_a_header() -> None:
    """Nobody gets past a limit by a header in the place of the body."""
    async with local(app_of(settings=Settings(admin_key="an-admin-s"))) as http:
        wanted = {"scope": "user:José", "window": "daily", "limit": 0}
        made = await http.put("/v1/admin/budgets", json=wanted, headers={"X-API-Key": "an-admin-s"})
        assert made.status_code == 200
        named = [(b"x-conduit-user", "José".encode())]
        assert (await http.post(CHAT, json=ASKED, headers=named)).status_code == 402


async def test_a_call_of_one_s_own_is_on_the_accounts_of_its_decision() -> None:
    """Team, session, task and key that /v1/route was told pay what feedback says it cost."""
    settings = Settings(api_key="first", admin_key="an-admin-s")
    async with local(app_of(settings=settings)) as http:
        admin, mine = {"X-API-Key": "an-admin-s"}, {"X-API-Key": "first"}
        (key,) = (await http.get("/v1/admin/keys", headers=admin)).json()["data"]
        scopes = ("team:blue", "session:s", "task_type:sums", "user:anna", key)
        for scope in scopes:
            wanted = {"scope": scope, "window": "total", "limit": 10}
            await http.put("/v1/admin/budgets", json=wanted, headers=admin)
        named = {"user": "anna", "team": "blue", "session": "s", "task_type": "sums"}
        asked = {"prompt": "What is 2+2?"} | named
        decided = (await http.post("/v1/route", json=asked, headers=mine)).json()["decision_id"]
        said = {"decision_id": decided, "cost": 0.25}
        assert (await http.post("/v1/feedback", json=said, headers=mine)).status_code == 200
        told = (await http.get("/v1/admin/budgets", headers=admin)).json()["data"]
    assert {one["scope"]: one["settled"] for one in told} == dict.fromkeys(scopes, 0.25)
