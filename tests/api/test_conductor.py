"""Conductor's protocol: what a program written for it may rely on."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any

import httpx
import pytest

from conduit.core.arms import Arm, Price
from conduit.providers.scripted import ScriptedProvider

from .compatible import LARGE, MIDDLE, MINI, WASTED, billed, price_of, speaking, wasteful

KEPT = {
    *("text", "model", "cost", "saved", "baseline_cost", "prompt_tokens", "completion_tokens"),
}
ROLES = {"cheap": "middle", "quality": "large", "baseline": "mini"}


async def llm(http: httpx.AsyncClient, **fields: Any) -> Any:
    """The body of an answer."""
    reply = await http.post("/llm", json={"prompt": "What is 2+2?"} | fields)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_an_answer_has_the_fields_of_conductors_response() -> None:
    """Every field that Conductor's Response has is there, and money adds up."""
    async with speaking(client=ScriptedProvider(billed)) as http:
        said = await llm(http)
    assert said.keys() >= KEPT
    assert (said["prompt_tokens"], said["completion_tokens"]) == (100, 1000)
    assert said["saved"] == pytest.approx(said["baseline_cost"] - said["cost"])
    assert said["baseline_cost"] == pytest.approx(100 * 2.5e-6 + 1000 * 10e-6)


@pytest.mark.parametrize(("quality", "model"), [("low", "mini"), ("high", "large")])
async def test_low_is_the_cheapest_model_and_high_the_dearest(quality: str, model: str) -> None:
    """Without named roles, list prices say which models are meant."""
    async with speaking() as http:
        assert (await llm(http, quality=quality))["model"] == model


async def test_named_roles_win_over_prices_and_bound_auto() -> None:
    """CONDUCTOR_MODELS_JSON says which models are cheap and good; auto chooses between the two."""
    async with speaking(models_json=ROLES) as http:
        assert (await llm(http, quality="low"))["model"] == "middle"
        assert (await llm(http, quality="high"))["model"] == "large"
        chosen = {(await llm(http, prompt=f"Question {turn}"))["model"] for turn in range(20)}
    assert chosen <= {"middle", "large"}


@pytest.mark.parametrize(
    "roles", [{"cheap": "gone"}, {"cheap": 3}, {"cheep": "mini"}, {"quality": ""}]
)
async def test_a_role_that_cannot_be_filled_is_the_servers_fault(roles: dict[str, object]) -> None:
    """A role of no model, or no role, is refused as a mistake of the configuration."""
    async with speaking(models_json=roles) as http:
        asked = {"prompt": "hi", "quality": "high" if "quality" in roles else "low"}
        reply = await http.post("/llm", json=asked)
    assert reply.status_code == 503
    assert "CONDUIT_MODELS_JSON" in reply.json()["detail"]


async def test_a_dry_run_agrees_with_the_next_answer() -> None:
    """What a dry run says is what is then done, as long as nothing was learned in between."""
    alike = tuple(
        Arm(id=f"model-{turn}", provider="openai", price=Price(input=1, output=2))
        for turn in range(5)
    )
    seen = set()
    async with speaking(*alike) as http:
        for turn in range(20):
            asked = {"prompt": f"Question {turn}", "user_id": "anna"}
            tried = [(await http.post("/llm/dry-run", json=asked)).json() for _ in range(2)]
            assert tried[0] == tried[1]
            assert tried[0].keys() == {"model", "reason"}
            assert (await llm(http, **asked))["model"] == tried[0]["model"]
            seen.add(tried[0]["model"])
    assert len(seen) > 1


async def test_a_dry_run_leaves_nothing_behind() -> None:
    """Nothing is called, decided, or taken for a question asked again."""
    client = ScriptedProvider("4")
    async with speaking(client=client) as http:
        for _ in range(3):
            await http.post("/llm/dry-run", json={"prompt": "What is 2+2?", "user_id": "anna"})
        stats = (await http.get("/v1/stats")).json()
        records = (await http.get("/records")).json()
    assert client.requests == []
    assert (stats["decisions"], stats["answers"], stats["cost"]) == (0, 0, 0)
    assert records["records"] == []


async def test_the_cost_is_the_true_cost() -> None:
    """A first model that was billed for nothing is in the cost, and may make the saving negative."""
    client = wasteful()
    async with speaking(client=client) as http:
        said = await llm(http)
    first, last = (request.arm for request in client.requests)
    assert said["model"] == last.id != first.id
    assert said["cost"] == pytest.approx(price_of(first, WASTED) + price_of(last, 1000))
    assert said["saved"] == pytest.approx(price_of(LARGE, 1000) - said["cost"])
    assert said["saved"] < 0


async def test_classification_keeps_its_formula_and_costs_nothing() -> None:
    """complexity_score is (raw_score - 1) / 9, grows with the prompt, and no model is asked."""
    client = ScriptedProvider("4")
    code = "Prove this:\n" + "def f(x):\n    return x == 1 and y[0] != 2\n" * 200
    async with speaking(client=client) as http:
        easy, hard = [
            (await http.post("/classify", json={"prompt": prompt})).json()
            for prompt in ("What is 2+2?", code)
        ]
    for said in (easy, hard):
        assert said.keys() == {"complexity_score", "raw_score", "reasoning", "from_cache"}
        assert said["complexity_score"] == (said["raw_score"] - 1) / 9
        assert "without asking a model" in said["reasoning"]
    assert easy["raw_score"] < 4 < 7 <= hard["raw_score"]
    assert client.requests == []


async def test_a_long_prompt_is_judged_alike_by_all_routes() -> None:
    """What begins with "Summarize" is easy to /classify and, however it goes on, to /llm."""
    body = "The council met on Tuesday and the vote was put off once more. " * 76
    prompt = f"Summarize this:\n{body}\nAnalyze the trade-offs and prove why.\n{body[:3962]}"
    assert prompt[-4000:].startswith("Analyze")
    async with speaking(policy="rated_thompson") as http:
        verdict = (await http.post("/classify", json={"prompt": prompt})).json()
        assert verdict["complexity_score"] < 0.5
        assert (await llm(http, prompt=prompt))["model"] == "mini"
        assert (await llm(http, prompt=f"Analyze this:\n{prompt}"))["model"] == "large"


async def test_a_spent_budget_refuses_and_says_when_it_resets() -> None:
    """Over a limit an answer is 402: which budget, how much of it, and when it is renewed."""
    client = ScriptedProvider("4")
    async with speaking(client=client) as http:
        await llm(http, user_id="anna")
        await http.post("/budgets", json={"user_id": "anna", "daily_usd": 0.5})
        paid = {"user_id": "anna", "cost_usd": 0.5, "model": "mini", "task_type": "chat"}
        await http.post("/records", json=paid)
        refused = await http.post("/llm", json={"prompt": "hi", "user_id": "anna"})
        await llm(http, user_id="ben")
    assert refused.status_code == 402
    said = refused.json()
    assert "daily budget of user 'anna'" in said["detail"]
    assert said["budget"]["scope"] == "user:anna"
    assert (said["budget"]["limit"], said["budget"]["spent"]) == (0.5, 0.5)
    assert 0 < said["budget"]["resets_in"] <= 86_400
    assert len(client.requests) == 2


async def test_many_at_once_never_spend_a_cent_over() -> None:
    """32 calls at the same time stay within a cap, and the report is what their answers say."""
    cap, asked = 0.01, {"prompt": "hi", "user_id": "anna", "quality": "high", "max_tokens": 200}
    async with speaking(client=ScriptedProvider("word " * 120)) as http:
        await http.post("/budgets", json={"user_id": "anna", "daily_usd": cap})
        replies = await asyncio.gather(*(http.post("/llm", json=asked) for _ in range(32)))
        report = (await http.get("/reports", params={"period": "total"})).json()
    costs = [reply.json()["cost"] for reply in replies if reply.status_code == 200]
    refused = [reply for reply in replies if reply.status_code != 200]
    assert refused
    assert {reply.status_code for reply in refused} == {402}
    assert {reply.json()["budget"]["scope"] for reply in refused} == {"user:anna"}
    assert 0 < sum(costs) <= cap
    assert report["total_cost_usd"] == pytest.approx(sum(costs))


async def test_budgets_are_made_changed_lifted_and_forgotten() -> None:
    """Windows left out stay, null lifts one, and spending survives a change of the limit."""
    async with speaking() as http:

        async def put(**fields: Any) -> Any:
            return (await http.post("/budgets", json={"user_id": "anna"} | fields)).json()

        await put(daily_usd=5, monthly_usd=50)
        await http.post("/records", json={"user_id": "anna", "cost_usd": 1, "model": "mini"})
        changed = await put(daily_usd=6)
        assert (changed["daily_usd"], changed["monthly_usd"]) == (6, 50)
        assert {window["spent_usd"] for window in changed["windows"]} == {1}
        lifted = await put(monthly_usd=None)
        assert (lifted["daily_usd"], lifted["monthly_usd"]) == (6, None)
        await http.post("/budgets", json={"user_id": "ben", "hourly_usd": 1})
        every = (await http.get("/budgets")).json()["budgets"]
        assert [budget["user_id"] for budget in every] == ["anna", "ben"]
        gone = await http.delete("/budgets", params={"user_id": "anna"})
        assert gone.json() == every[0]
        again = await http.delete("/budgets", params={"user_id": "anna"})
        unknown = await http.get("/budgets", params={"user_id": "anna"})
    assert (again.status_code, unknown.status_code) == (404, 404)
    assert "anna" in unknown.json()["detail"]


async def test_a_check_warns_then_says_no() -> None:
    """A check is allowed within the limit, warns from 80%, and names the budget beyond it."""
    async with speaking() as http:
        await http.post("/budgets", json={"user_id": "anna", "daily_usd": 1.0})

        async def check(cost: float) -> Any:
            asked = {"user_id": "anna", "estimated_cost": cost}
            return (await http.post("/budgets/check", json=asked)).json()

        well, near, beyond = await check(0.79), await check(0.8), await check(1.01)
        free = (await http.post("/budgets/check", json={"user_id": "ben"})).json()
    assert (well["allowed"], well["warnings"]) == (True, [])
    assert near["allowed"]
    assert "daily budget of user 'anna'" in near["warnings"][0]
    assert not beyond["allowed"]
    assert beyond["budget"]["window"] == "daily"
    assert beyond["budget"]["resets_at"] is not None
    assert (free["allowed"], free["windows"]) == (True, [])


async def test_reports_add_up_to_the_records() -> None:
    """Whatever is grouped by, the shares of a report are the sums of the records it is made of."""
    paid = [
        ("anna", 0.25, "mini", "chat"),
        ("anna", 0.5, "large", "code"),
        ("ben", 2, "mini", "chat"),
    ]
    async with speaking(client=ScriptedProvider(billed)) as http:
        for user, cost, model, task in paid:
            said = {"user_id": user, "cost_usd": cost, "model": model, "task_type": task}
            await http.post("/records", json=said)
        await llm(http, user_id="anna", task_type="chat")
        await llm(http)
        records = (await http.get("/records")).json()["records"]
        reports = {
            by: (await http.get("/reports", params={"group_by": by, "period": "total"})).json()
            for by in ("user", "model", "task_type")
        }
    assert len(records) == len(paid) + 2
    named = {"user": "user_id", "model": "model", "task_type": "task_type"}
    for by, report in reports.items():
        sums: dict[str, float] = {}
        for record in records:
            key = record[named[by]] or ""
            sums[key] = sums.get(key, 0.0) + record["cost_usd"]
        shares = {key: share["cost_usd"] for key, share in report["breakdown"].items()}
        assert shares == pytest.approx(sums)
        assert report["total_cost_usd"] == pytest.approx(sum(sums.values()))
        assert report["total_requests"] == len(records)
        assert report["period"] == "total"
    top = reports["user"]["top_spenders"]
    assert [spender["user_id"] for spender in top] == ["ben", "anna"]


async def test_a_request_counts_once_whatever_it_took() -> None:
    """A failed attempt that was billed is a record and a call of its own, but no further request."""
    async with speaking(client=wasteful()) as http:
        said = await llm(http)
        records = (await http.get("/records")).json()["records"]
        asked = {"period": "total", "group_by": "model"}
        report = (await http.get("/reports", params=asked)).json()
    assert sorted(record["kind"] for record in records) == ["answer", "failed"]
    assert {record["decision_id"] for record in records} == {said["decision_id"]}
    assert sum(record["cost_usd"] for record in records) == pytest.approx(said["cost"])
    assert report["total_requests"] == 1
    assert {share["calls"] for share in report["breakdown"].values()} == {1}
    assert report["total_cost_usd"] == pytest.approx(said["cost"])
    assert report["total_saved_usd"] == pytest.approx(said["saved"])


async def test_records_are_paged_filtered_and_exported() -> None:
    """Pages follow on one another, filters hold, and CSV has every record and no formula."""
    async with speaking() as http:
        for turn in range(5):
            said = {"user_id": "=1+1" if turn % 2 else "ben", "cost_usd": turn, "model": "mini"}
            await http.post("/records", json=said)
        whole = (await http.get("/records")).json()
        first = (await http.get("/records", params={"limit": 3})).json()
        rest = (await http.get("/records", params={"limit": 3, "cursor": first["cursor"]})).json()
        bens = (await http.get("/records", params={"user_id": "ben"})).json()["records"]
        table = await http.get("/records", params={"format": "csv", "limit": 2})
    assert whole["cursor"] is None
    assert first["records"] + rest["records"] == whole["records"]
    assert [record["cost_usd"] for record in bens] == [4, 2, 0]
    assert table.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [float(row["cost_usd"]) for row in rows] == [4, 3, 2, 1, 0]
    assert {row["user_id"] for row in rows} == {"'=1+1", "ben"}


async def test_a_cursor_is_taken_whatever_the_id_it_names() -> None:
    """The longest id that a record may have makes a cursor that leads to the next page."""
    ids = [f"{turn}".ljust(256, "x") for turn in range(2)]
    said = {"user_id": "anna", "cost_usd": 1, "model": "mini"}
    async with speaking() as http:
        for id_ in ids:
            assert (await http.post("/records", json=said | {"id": id_})).status_code == 200
        first = (await http.get("/records", params={"limit": 1})).json()
        second = await http.get("/records", params={"limit": 1, "cursor": first["cursor"]})
    assert second.status_code == 200, second.text
    assert {it["id"] for it in first["records"] + second.json()["records"]} == set(ids)


async def test_a_recorded_cost_is_compared_with_the_baseline_where_tokens_are_known() -> None:
    """What the same tokens cost at the baseline is the comparison; without tokens nothing is saved."""
    said = {"user_id": "anna", "cost_usd": 0.001, "model": "mini"}
    counted = said | {"prompt_tokens": 100, "completion_tokens": 1000}
    async with speaking() as http:
        plain = (await http.post("/records", json=said)).json()
        known = (await http.post("/records", json=counted)).json()
        report = (await http.get("/reports", params={"period": "total"})).json()
    assert (plain["baseline_cost_usd"], plain["provider"], plain["kind"]) == (
        0.001,
        "openai",
        "reported",
    )
    assert known["baseline_cost_usd"] == pytest.approx(price_of(LARGE, 1000))
    assert report["total_saved_usd"] == pytest.approx(price_of(LARGE, 1000) - 0.001)


async def test_a_record_is_booked_once() -> None:
    """The same id again is the same cost."""
    said = {"user_id": "anna", "cost_usd": 1, "model": "mini", "id": "invoice-1"}
    async with speaking() as http:
        booked = [(await http.post("/records", json=said)).json()["booked"] for _ in range(2)]
        report = (await http.get("/reports")).json()
    assert booked == [True, False]
    assert (report["total_cost_usd"], report["total_requests"]) == (1, 1)


async def test_a_known_id_is_answered_with_the_record_that_is_kept() -> None:
    """Other figures under the same id are in no book, and in no answer."""
    said = {"user_id": "anna", "cost_usd": 1, "model": "mini", "id": "invoice-1"}
    other = said | {"user_id": "ben", "cost_usd": 9, "model": "large", "prompt_tokens": 7}
    async with speaking() as http:
        first = (await http.post("/records", json=said)).json()
        again = (await http.post("/records", json=other)).json()
        (kept,) = (await http.get("/records")).json()["records"]
    assert again == kept | {"booked": False}
    assert first == kept | {"booked": True}


async def test_the_key_is_asked_for_in_conductors_words() -> None:
    """Without X-API-Key, or with a wrong one, the answer is 401 and a detail; with it, an answer."""
    async with speaking(api_key="sesame") as http:
        none = await http.post("/llm", json={"prompt": "hi"})
        wrong = await http.post("/llm", json={"prompt": "hi"}, headers={"X-API-Key": "x"})
        right = await http.post("/llm", json={"prompt": "hi"}, headers={"X-API-Key": "sesame"})
    assert (none.status_code, wrong.status_code, right.status_code) == (401, 401, 200)
    assert "no key" in none.json()["detail"]
    assert "unknown" in wrong.json()["detail"]
    assert "sesame" not in wrong.text


async def test_guards_speak_conductors_words_too() -> None:
    """A body that is too long, and too many requests, are refused with a detail."""
    async with speaking(max_body_bytes=100, requests_per_minute=1) as http:
        long = await http.post("/llm", json={"prompt": "a" * 200})
        often = await http.post("/llm", json={"prompt": "hi"})
        other = await http.post("/v1/complete", json={"prompt": "hi"})
    assert (long.status_code, often.status_code, other.status_code) == (413, 429, 429)
    assert "100 bytes" in long.json()["detail"]
    assert "wait" in often.json()["detail"]
    assert "error" in other.json()


async def test_an_administrators_key_guards_budgets_where_it_is_set() -> None:
    """Who may only ask may look at budgets, but not raise or lift them."""
    asked = {"user_id": "anna", "daily_usd": 1e5}
    user, admin = {"X-API-Key": "user"}, {"X-API-Key": "admin"}
    async with speaking(api_key="user", admin_key="admin") as http:
        refused = await http.post("/budgets", json=asked, headers=user)
        made = await http.post("/budgets", json=asked, headers=admin)
        seen = await http.get("/budgets", headers=user)
        kept = await http.delete("/budgets", params={"user_id": "anna"}, headers=user)
    assert (refused.status_code, kept.status_code) == (403, 403)
    assert "CONDUIT_ADMIN_KEY" in refused.json()["detail"]
    assert (made.status_code, len(seen.json()["budgets"])) == (200, 1)


BAD: list[tuple[str, str]] = [
    ("/llm", "{"),
    ("/llm", "[]"),
    ("/llm", "{}"),
    ("/llm", '{"prompt": ""}'),
    ("/llm", '{"prompt": "  "}'),
    ("/llm", '{"prompt": "\\ud800"}'),
    ("/llm", '{"prompt": 4}'),
    ("/llm", '{"prompt": "hi", "quality": "best"}'),
    ("/llm", '{"prompt": "hi", "max_tokens": 0}'),
    ("/llm", '{"prompt": "hi", "max_tokens": true}'),
    ("/llm", '{"prompt": "hi", "user_id": ""}'),
    ("/llm/dry-run", '{"prompt": "hi", "max_tokens": NaN}'),
    ("/classify", '{"prompt": null}'),
    ("/classify", json.dumps({"prompt": "a" * 100_001})),
    ("/budgets", '{"user_id": "anna"}'),
    ("/budgets", '{"user_id": "anna", "daily_usd": -1}'),
    ("/budgets", '{"user_id": "anna", "daily_usd": NaN}'),
    ("/budgets", '{"user_id": "anna", "daily_usd": 1e999}'),
    ("/budgets", '{"user_id": "anna", "daily_usd": "5"}'),
    ("/budgets", '{"user_id": "anna", "daily_usd": 5, "hard_limit": false}'),
    ("/budgets/check", '{"user_id": "anna", "estimated_cost": -0.01}'),
    ("/records", '{"user_id": "anna", "cost_usd": -1, "model": "mini"}'),
    ("/records", '{"user_id": "anna", "cost_usd": 1}'),
    ("/records", '{"user_id": "a\\nb", "cost_usd": 1, "model": "mini"}'),
]


async def test_what_cannot_be_used_is_refused_with_a_reason() -> None:
    """A bad body is 4xx with a detail, and nothing comes of it."""
    client, typed = ScriptedProvider("4"), {"content-type": "application/json"}
    async with speaking(client=client) as http:
        for path, body in BAD:
            reply = await http.post(path, content=body, headers=typed)
            assert 400 <= reply.status_code < 500, (path, body)
            assert reply.json()["detail"], (path, body)
            assert "error" not in reply.json(), (path, body)
        budgets = (await http.get("/budgets")).json()["budgets"]
    assert (client.requests, budgets) == ([], [])


BAD_QUESTIONS = [
    "/reports?group_by=colour",
    "/reports?period=yearly",
    "/records?format=xml",
    "/records?limit=0",
    "/records?since=nan",
    "/records?cursor=nonsense",
    "/budgets?user_id=",
]


async def test_a_bad_question_is_refused_with_a_reason() -> None:
    """A bad parameter is 4xx with a detail."""
    async with speaking() as http:
        for path in BAD_QUESTIONS:
            reply = await http.get(path)
            assert 400 <= reply.status_code < 500, path
            assert reply.json()["detail"], path


async def test_unknown_fields_are_ignored() -> None:
    """As the original does, fields that nobody knows are left alone."""
    async with speaking(MINI, MIDDLE) as http:
        said = await llm(http, colour="red", api_key="sk-mine")
    assert said["text"] == "4"
