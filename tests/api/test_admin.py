"""Administration: models and budgets change while the server runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256

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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("price", {"input": 1, "output": 1}),
        ("model", "another-name"),
        ("tier", "premium"),
        ("max_output_tokens", 100),
    ],
)
async def test_a_model_of_the_catalogue_has_what_the_catalogue_says(
    http: httpx.AsyncClient, name: str, value: object
) -> None:
    """What is said of a model that the catalogue is asked for is refused, never passed over."""
    body = {"id": "gpt-4o-mini", name: value}
    said = error_of(await http.post("/v1/admin/models", json=body), 422)
    assert said["param"] == "provider"
    assert name in said["message"]
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


@pytest.mark.parametrize(
    ("scope", "mine", "other"),
    [
        ("user:anna", {"user": "anna"}, {"user": "ben"}),
        ("team:red", {"conduit": {"team": "red"}}, {"conduit": {"team": "blue"}}),
        ("session:1", {"conduit": {"session": "1"}}, {}),
        ("task_type:code", {"conduit": {"task_type": "code"}}, {}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_budget_bites_whoever_it_is_for(
    http: httpx.AsyncClient,
    scope: str,
    mine: dict[str, object],
    other: dict[str, object],
    stream: bool,
) -> None:
    """A budget of nothing refuses its scope with 402, and nobody else."""
    await http.put("/v1/admin/budgets", json={"scope": scope, "window": "daily", "limit": 0})
    refused = await http.post(CHAT, json=ASKED | mine | {"stream": stream})
    said = error_of(refused, 402)
    assert said["code"] == "budget_exceeded"
    assert (said["budget"]["scope"], said["budget"]["window"]) == (scope, "daily")
    assert (await http.post(CHAT, json=ASKED | other)).status_code == 200
    assert (await http.get("/v1/stats")).json()["budget_refusals"] >= 1


async def test_a_key_s_budget_counts_what_it_spent(http: httpx.AsyncClient) -> None:
    """What an answer did cost is spent of the budget of the key that asked for it."""
    name = sha256(b"an-admin-s").hexdigest()[:12]
    budget = {"scope": f"api_key:{name}", "window": "monthly", "limit": 1}
    await http.put("/v1/admin/budgets", json=budget)
    answer = (await http.post("/v1/complete", json={"prompt": "What is 2+2?"})).json()
    (standing,) = (await http.get("/v1/admin/budgets")).json()["data"]
    assert standing["settled"] == pytest.approx(answer["cost"], abs=1e-9)
    assert standing["reserved"] == 0
