"""Administration: models and budgets change while the server runs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from conduit.settings import Settings

from .serving import ASKED, CHAT, app_of, local
from .test_own import error_of

ADMIN = {"X-API-Key": "an-admin-s"}
NEW = {"id": "new/one", "provider": "lmstudio", "price": {"input": 0.2, "output": 0.5}}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """An administrator's client."""
    async with local(app_of(settings=Settings(admin_key="an-admin-s"))) as client:
        client.headers.update(ADMIN)
        yield client


async def listed(http: httpx.AsyncClient) -> set[str]:
    """Models that may be chosen."""
    data = (await http.get("/v1/models")).json()["data"]
    return {model["id"] for model in data if model["conduit"]}


async def test_models_come_change_their_price_and_go(http: httpx.AsyncClient) -> None:
    """From one request to the next, and by ids with slashes too."""
    added = await http.post("/v1/admin/models", json=NEW)
    assert (added.status_code, added.json()["price"]) == (201, NEW["price"])
    assert await listed(http) == {"cheap", "dear", "new/one"}
    repriced = await http.put("/v1/admin/models/new/one/price", json={"input": 0, "output": 1})
    assert repriced.json()["price"] == {"input": 0, "output": 1}
    assert (await http.post(CHAT, json=ASKED | {"model": "new/one"})).json()["model"] == "new/one"
    assert (await http.delete("/v1/admin/models/new/one")).status_code == 200
    assert await listed(http) == {"cheap", "dear"}


async def test_models_that_cannot_be_changed_so(http: httpx.AsyncClient) -> None:
    """A model twice, an unknown one, a negative price and the last one are refused, and all stays."""
    assert (await http.post("/v1/admin/models", json=NEW)).status_code == 201
    assert (
        "there already" in error_of(await http.post("/v1/admin/models", json=NEW), 400)["message"]
    )
    unknown = await http.post("/v1/admin/models", json={"id": "gpt-99"})
    assert error_of(unknown, 404)["code"] == "model_not_found"
    assert error_of(await http.delete("/v1/admin/models/gpt-99"), 404)["param"] == "model"
    dear = await http.put("/v1/admin/models/dear/price", json={"input": -1, "output": 1})
    assert error_of(dear, 422)["param"] == "input"
    for name in ("new/one", "cheap"):
        await http.delete(f"/v1/admin/models/{name}")
    assert "only one" in error_of(await http.delete("/v1/admin/models/dear"), 400)["message"]
    assert await listed(http) == {"dear"}


async def test_budgets_are_made_listed_and_forgotten(http: httpx.AsyncClient) -> None:
    """A budget stands as it was made; another limit replaces it; once forgotten it is unknown."""
    wanted = {"scope": "user:anna", "window": "daily", "limit": 5}
    made = (await http.put("/v1/admin/budgets", json=wanted)).json()
    assert (made["limit"], made["remaining"], made["settled"]) == (5, 5, 0)
    await http.put("/v1/admin/budgets", json=wanted | {"limit": 2})
    await http.put("/v1/admin/budgets", json=wanted | {"scope": "team:red"})
    both = (await http.get("/v1/admin/budgets")).json()["data"]
    assert {(one["scope"], one["limit"]) for one in both} == {("user:anna", 2), ("team:red", 5)}
    one = (await http.get("/v1/admin/budgets", params={"scope": "team:red"})).json()["data"]
    assert [budget["scope"] for budget in one] == ["team:red"]
    name = {"scope": "user:anna", "window": "daily"}
    assert (await http.delete("/v1/admin/budgets", params=name)).status_code == 200
    gone = await http.delete("/v1/admin/budgets", params=name)
    assert error_of(gone, 404)["code"] == "budget_not_found"


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"limit": -1}, 422, "limit"),
        ({"scope": "planet:earth"}, 400, "unknown scope"),
        ({"scope": "user:"}, 400, "without a name"),
        ({"window": "yearly"}, 400, "unknown window"),
        ({"window": "rolling total"}, 400, "never rolls"),
    ],
)
async def test_budgets_that_cannot_be(
    http: httpx.AsyncClient, change: dict[str, object], status: int, said: str
) -> None:
    """A negative limit, an unknown scope and an unknown window are refused, and none is made."""
    wanted = {"scope": "user:anna", "window": "daily", "limit": 5} | change
    answer = await http.put("/v1/admin/budgets", json=wanted)
    assert said in error_of(answer, status)["message"]
    assert (await http.get("/v1/admin/budgets")).json()["data"] == []
