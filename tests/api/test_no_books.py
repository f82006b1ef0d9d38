"""A server whose store keeps no budgets, such as Supabase over REST."""

from __future__ import annotations

from conduit.stores.memory import MemoryStore

from .serving import app_of, local


class Bookless(MemoryStore):
    """A store that keeps no money."""

    book = None  # type: ignore[assignment]


async def test_answers_do_not_need_budgets() -> None:
    """Everything but money is served; whoever asks for budgets is told what keeps them."""
    async with local(app_of(store=Bookless())) as http:
        for path in ("/llm", "/generate", "/v1/complete"):
            assert (await http.post(path, json={"prompt": "hi"})).status_code == 200
        assert (await http.get("/v1/stats")).json()["budget_refusals"] == 0
        budget = await http.post("/budgets", json={"user_id": "anna", "daily_usd": 1})
        report = await http.get("/reports")
    for refused in (budget, report):
        assert refused.status_code == 503
        assert "DATABASE_URL" in refused.json()["detail"]
