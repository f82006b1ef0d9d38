"""Cost-aware's protocol: what a program written for it may rely on."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import repeat
from typing import Any

import httpx
import pytest

from conduit.api.route_reasons import HIGH, prompt_complexity
from conduit.core.errors import FailureKind
from conduit.core.outcomes import ModelReply
from conduit.providers.scripted import ScriptedProvider

from .compatible import ARMS, LARGE, MIDDLE, MINI, WASTED, billed, price_of, speaking, wasteful

EASY = "Summarize last week's support tickets into three bullet points."
WORK = "Design a plan, analyze its risks, compare, evaluate, justify, optimize and prove it: why? "


async def generate(http: httpx.AsyncClient, **fields: Any) -> Any:
    """The body of an answer."""
    reply = await http.post("/generate", json={"prompt": EASY} | fields)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_the_cost_is_the_true_cost() -> None:
    """What an escalation wasted is in the cost, and may make the saving negative."""
    client = wasteful()
    async with speaking(client=client) as http:
        said = await generate(http)
    first, last = (request.arm for request in client.requests)
    assert said["chosen_model"] == last.id != first.id
    cost = price_of(first, WASTED) + price_of(last, 1000)
    assert said["estimated_cost_usd"] == pytest.approx(cost)
    assert said["saved_cost_usd"] == pytest.approx(price_of(LARGE, 1000) - cost)
    assert said["saved_cost_usd"] < 0
    assert said["route_reason"] == f"fallback(from={first.id})"


async def test_a_baseline_that_answers_late_saves_nothing_and_wastes_the_rest() -> None:
    """Where the baseline itself answers in the end, what went before it is a loss."""
    async with speaking(MINI, LARGE, client=wasteful(), policy="cheapest") as http:
        said = await generate(http)
    assert (said["chosen_model"], said["route_reason"]) == ("large", "fallback(from=mini)")
    assert said["saved_cost_usd"] == pytest.approx(-price_of(MINI, WASTED))


@pytest.mark.parametrize(
    ("force_model", "allowed"),
    [
        ("large", {"large"}),
        ("anthropic", {"middle"}),
        ("openai", {"mini", "large"}),
        ("budget", {"mini"}),
        ("balanced", {"middle"}),
        ("premium", {"large"}),
        ("cheap", {"mini"}),
    ],
)
async def test_a_model_is_forced_by_id_provider_or_tier(
    force_model: str, allowed: set[str]
) -> None:
    """Only models that are meant answer, and the reason says that this was asked for."""
    async with speaking() as http:
        said = [await generate(http, force_model=force_model) for _ in range(4)]
    assert {answer["chosen_model"] for answer in said} <= allowed
    assert {answer["route_reason"] for answer in said} == {f"force_model({force_model})"}


async def test_a_forced_name_may_mean_any_number_of_models() -> None:
    """A provider with more models than a caller may name one by one is forced like any other."""
    many = [replace(MIDDLE, id=f"middle-{number}") for number in range(101)]
    async with speaking(MINI, *many) as http:
        said = await generate(http, force_model="anthropic")
    assert said["chosen_model"].startswith("middle-")


async def test_cheap_is_the_cheapest_where_no_model_is_sold_as_such() -> None:
    """Without a model of the tier budget, cheap means the lowest price."""
    async with speaking(LARGE, MIDDLE) as http:
        assert (await generate(http, force_model="cheap"))["chosen_model"] == "middle"
        none = await http.post("/generate", json={"prompt": EASY, "force_model": "budget"})
    assert none.status_code == 404
    assert "premium" in none.json()["detail"]


async def test_the_quality_is_the_posterior_mean_of_the_model_that_answered() -> None:
    """quality_proxy is what the decision expected of that model, and follows ratings down."""
    async with speaking(client=ScriptedProvider(billed)) as http:
        before = await http.post("/generate", json={"prompt": EASY, "force_model": "mini"})
        for _ in range(20):
            reply = await http.post("/generate", json={"prompt": EASY, "force_model": "mini"})
            joined = reply.headers["x-conduit-decision-id"]
            rating = {"decision_id": joined, "quality_score": 0.1}
            assert (await http.post("/v1/feedback", json=rating)).status_code == 200
        after = await http.post("/generate", json={"prompt": EASY, "force_model": "mini"})
        joined = after.headers["x-conduit-decision-id"]
        decision = (await http.get(f"/v1/decisions/{joined}")).json()
    assert after.json()["quality_proxy"] == decision["estimates"]["mini"]["mean"]
    assert after.json()["quality_proxy"] < before.json()["quality_proxy"] - 0.3


@pytest.mark.parametrize(
    ("prompt", "score"),
    [
        ("hi", 0.6 / 200),
        ("word " * 400, 0.6),
        (" ".join(["analyze"] * 10), 0.6 * 10 / 200 + 0.4),
        ("analyze " * 200, 1.0),
        ("", 0.0),
    ],
)
def test_complexity_is_the_documented_formula(prompt: str, score: float) -> None:
    """.6 · min(words / 200, 1) + .4 · hits / 10, where no more than ten hits count."""
    assert prompt_complexity(prompt) == pytest.approx(score)


async def test_the_reason_describes_the_prompt_where_nothing_else_decided() -> None:
    """The reason is high from a complexity of .6, low below, and says the score."""
    hard = WORK * 15
    async with speaking() as http:
        low, high = await generate(http), await generate(http, prompt=hard)
    assert prompt_complexity(EASY) < HIGH <= prompt_complexity(hard)
    assert low["route_reason"] == f"prompt_complexity_low(score={prompt_complexity(EASY):.2f})"
    assert high["route_reason"] == f"prompt_complexity_high(score={prompt_complexity(hard):.2f})"


async def test_a_limit_that_leaves_one_model_is_the_reason() -> None:
    """A cost that only one model keeps to is kept, and named."""
    async with speaking(client=ScriptedProvider(billed)) as http:
        said = await generate(http, max_cost_usd=0.01)
    assert (said["chosen_model"], said["route_reason"]) == ("mini", "constraint(max_cost_usd)")


async def test_a_limit_that_no_model_keeps_is_given_up_and_said() -> None:
    """Quality may be relaxed, and the reason says so; cost never is."""
    async with speaking() as http:
        for _ in range(30):
            reply = await http.post("/generate", json={"prompt": EASY})
            joined = reply.headers["x-conduit-decision-id"]
            rating = {"decision_id": joined, "quality_score": 0.1}
            await http.post("/v1/feedback", json=rating)
        said = await generate(http, min_quality=1.0)
        refused = await http.post("/generate", json={"prompt": EASY, "max_cost_usd": 0})
    assert said["route_reason"] == "constraint_relaxed(min_quality)"
    assert refused.status_code == 400
    assert "max_cost" in refused.json()["detail"]


async def test_an_answer_given_before_is_a_cache_hit_that_costs_nothing() -> None:
    """With the cache of answers on, the same request again is answered without a call."""
    client = ScriptedProvider(billed)
    async with speaking(client=client, response_cache_seconds=60.0) as http:
        first, again = await generate(http), await generate(http)
    assert len(client.requests) == 1
    assert (first["cache_hit"], again["cache_hit"]) == (False, True)
    assert again["text"] == first["text"]
    assert again["estimated_cost_usd"] == 0
    assert again["saved_cost_usd"] == pytest.approx(price_of(LARGE, 1000))
    assert again["route_reason"] == f"cache_hit(model={first['chosen_model']})"


async def test_the_older_route_executes_with_seconds_and_the_same_answer() -> None:
    """/route takes max_cost and max_latency in seconds, and answers with /generate's fields."""
    client = ScriptedProvider("4", latency={"mini": 0.5, "middle": 3.0, "large": 3.0})
    async with speaking(client=client) as http:
        newer = await generate(http)
        for model in ("mini", "middle", "large"):
            for _ in range(8):
                await generate(http, force_model=model)
        asked = {"prompt": EASY, "max_latency": 1.5}
        older = await http.post("/route", json=asked)
        alike = await generate(http, max_latency_ms=1500)
    assert older.status_code == 200
    assert older.json().keys() == newer.keys()
    for said in (older.json(), alike):
        assert said["chosen_model"] == "mini"
        assert said["route_reason"] == "constraint(max_latency_ms)"
        assert said["latency_ms"] >= 500


async def test_the_budget_of_the_key_holds() -> None:
    """Whoever has spent what their key may spend is refused with 402, and told when it resets."""
    key, admin = {"X-API-Key": "sesame"}, {"X-API-Key": "admin"}
    async with speaking(api_key="sesame", admin_key="admin") as http:
        (scope,) = (await http.get("/v1/admin/keys", headers=admin)).json()["data"]
        budget = {"scope": scope, "window": "hourly", "limit": 0}
        await http.put("/v1/admin/budgets", json=budget, headers=admin)
        reply = await http.post("/generate", json={"prompt": "hi"}, headers=key)
    assert reply.status_code == 402
    assert reply.json()["budget"]["scope"] == scope
    assert 0 < reply.json()["budget"]["resets_in"] <= 3600


async def test_tokens_that_nobody_counted_are_estimated() -> None:
    """A server that counts no tokens does not make them zero."""
    client = ScriptedProvider(lambda _: ModelReply(text="12345678"))
    async with speaking(MINI, client=client) as http:
        said = await generate(http, prompt="a" * 400)
    assert (said["tokens_in"], said["tokens_out"]) == (100, 2)


BAD: list[tuple[str, str]] = [
    ("/generate", "{"),
    ("/generate", "{}"),
    ("/generate", '{"prompt": ""}'),
    ("/generate", '{"prompt": ["hi"]}'),
    ("/generate", '{"prompt": "hi", "max_cost_usd": -1}'),
    ("/generate", '{"prompt": "hi", "max_cost_usd": NaN}'),
    ("/generate", '{"prompt": "hi", "max_cost_usd": "1"}'),
    ("/generate", '{"prompt": "hi", "max_latency_ms": 1e999}'),
    ("/generate", '{"prompt": "hi", "max_latency_ms": -5}'),
    ("/generate", '{"prompt": "hi", "min_quality": 1.1}'),
    ("/generate", '{"prompt": "hi", "min_quality": true}'),
    ("/generate", '{"prompt": "hi", "force_model": "gpt-9"}'),
    ("/generate", '{"prompt": "hi", "force_model": ""}'),
    ("/route", '{"prompt": "hi", "max_latency": 1e308}'),
    ("/route", '{"prompt": "hi", "max_cost": -0.01}'),
    ("/route", json.dumps({"prompt": "hi", "max_cost": 0})),
]


async def test_what_cannot_be_used_is_refused_with_a_reason() -> None:
    """A bad body is 4xx with a detail, and no model is asked."""
    client, typed = ScriptedProvider("4"), {"content-type": "application/json"}
    async with speaking(client=client) as http:
        for path, body in BAD:
            reply = await http.post(path, content=body, headers=typed)
            assert 400 <= reply.status_code < 500, (path, body)
            assert reply.json()["detail"], (path, body)
    assert client.requests == []


async def test_a_provider_that_fails_is_told_in_the_same_shape() -> None:
    """Where no model answers, the status is a gateway's and the body has a detail."""
    down = {arm.id: repeat(FailureKind.SERVER) for arm in ARMS}
    async with speaking(client=ScriptedProvider("4", failures=down)) as http:
        reply = await http.post("/generate", json={"prompt": "hi"})
    assert reply.status_code == 502
    assert "mini" in reply.json()["detail"]
    assert "error" not in reply.json()
