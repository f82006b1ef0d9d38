"""Who may come in."""

from __future__ import annotations

import json
from hashlib import sha256

import httpx
import pytest

from conduit.api.keys import Keys
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings

from .serving import ASKED, CHAT, Served, app_of, local, serving
from .test_own import error_of

GUARDED = ("/v1/models", "/v1/stats", "/metrics", "/docs", "/openapi.json", "/v1/nothing")
KEYED = Settings(api_key="first, second", admin_key="an-admin-s")


def bearer(key: str) -> dict[str, str]:
    """As OpenAI's clients send it."""
    return {"Authorization": f"Bearer {key}"}


async def test_a_key_guards_everything_but_health() -> None:
    """Without a key, or with an unknown one, every route but /health is a 401 with the remedy."""
    async with local(app_of(settings=KEYED)) as http:
        for path in GUARDED:
            none = error_of(await http.get(path), 401)
            assert "CONDUIT_API_KEY" in none["message"]
            wrong = error_of(await http.get(path, headers=bearer("third")), 401)
            assert wrong["code"] == "invalid_api_key"
            assert "third" not in wrong["message"]
        for path in ("/health", "/health/live", "/health/ready", "/health/startup"):
            assert (await http.get(path)).status_code == 200


@pytest.mark.parametrize("key", ["first", "second", "an-admin-s"])
@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
async def test_each_key_opens_by_either_header(key: str, header: str) -> None:
    """Any key of the list, and the administrator's, as bearer or as X-API-Key."""
    sent = bearer(key) if header == "Authorization" else {"X-API-Key": key}
    async with local(app_of(settings=KEYED)) as http:
        assert (await http.post(CHAT, json=ASKED, headers=sent)).status_code == 200


async def test_only_the_administrator_s_key_opens_the_administration() -> None:
    """A client's key is a 403 there, none a 401; where no such key is set, nobody gets in."""
    path = "/v1/admin/budgets"
    async with local(app_of(settings=KEYED)) as http:
        assert error_of(await http.get(path), 401)["code"] == "invalid_api_key"
        assert error_of(await http.get(path, headers=bearer("first")), 403)["code"] == "forbidden"
        assert (await http.get(path, headers=bearer("an-admin-s"))).status_code == 200
    async with local(app_of()) as http:
        assert "CONDUIT_ADMIN_KEY" in error_of(await http.get(path), 403)["message"]


async def test_a_prefix_before_all_paths_opens_no_door() -> None:
    """Behind a proxy that hides a prefix, the administration and health are where they were."""
    async with serving(app_of(settings=KEYED), root_path="/prefix") as served:
        admin = await served.http.get("/v1/admin/budgets", headers=bearer("first"))
        assert error_of(admin, 403)["code"] == "forbidden"
        assert (await served.http.get("/v1/admin/keys", headers=bearer("an-admin-s"))).is_success
        assert (await served.http.get("/health/ready")).is_success


async def test_a_key_s_scope_is_the_beginning_of_its_digest() -> None:
    """An administrator can find what ledgers call a key, and nobody the key."""
    async with local(app_of(settings=KEYED)) as http:
        told = (await http.get("/v1/admin/keys", headers=bearer("an-admin-s"))).json()["data"]
    names = [sha256(key).hexdigest()[:12] for key in (b"first", b"second")]
    assert told == [f"api_key:{name}" for name in names]
    assert "first" not in repr(Keys.of("first"))


@pytest.mark.parametrize("host", ["evil.example", "10.0.0.7:8000"])
async def test_without_a_key_a_foreign_host_is_refused(host: str) -> None:
    """A page whose name leads to this machine gets 403: its browser tells the name in Host."""
    async with local(app_of()) as http:
        answer = await http.get("/v1/stats", headers={"Host": host})
        assert "CONDUIT_API_KEY" in error_of(answer, 403)["message"]
        for own in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
            assert (await http.get("/v1/stats", headers={"Host": own})).status_code == 200


FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "http://[evil"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
)


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", [CHAT, "/v1/complete"])
async def test_without_a_key_a_page_of_another_origin_is_refused(
    headers: dict[str, str], path: str
) -> None:
    """A browser says where a request comes from, and no model is asked for it."""
    client = ScriptedProvider("4")
    async with local(app_of(client)) as http:
        answer = await http.post(path, json=ASKED, headers=headers)
        assert "CONDUIT_API_KEY" in error_of(answer, 403)["message"]
    assert client.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://[::1]:8000", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_without_a_key_a_page_of_this_machine_is_served(headers: dict[str, str]) -> None:
    """The documentation's own page, and what somebody develops here."""
    async with local(app_of()) as http:
        assert (await http.post(CHAT, json=ASKED, headers=headers)).status_code == 200


async def test_with_a_key_the_origin_does_not_matter() -> None:
    """Whoever has the key may come from anywhere."""
    async with local(app_of(settings=KEYED)) as http:
        headers = bearer("first") | {"Origin": "https://mine.example"}
        assert (await http.post(CHAT, json=ASKED, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "Text/Plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ],
)
async def test_what_a_form_sends_is_no_conversation(kind: str) -> None:
    """What any page may send without asking first is a 415 that says what is taken; no model is asked."""
    client = ScriptedProvider("4")
    async with local(app_of(client)) as http:
        body = json.dumps(ASKED).encode()
        answer = await http.post(CHAT, content=body, headers={"Content-Type": kind})
        assert "application/json" in error_of(answer, 415)["message"]
        assert client.requests == []
        assert (await http.post(CHAT, content=body)).status_code == 200


def own_address() -> str:
    """An address of this machine that is not loopback; a packet need not leave to find it."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


async def test_without_a_key_only_loopback_is_served() -> None:
    """Under bare uvicorn a connection to another address of this machine gets 403 with the remedy."""
    address = own_address()

    async def ask(served: Served) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://{address}:{served.port}") as http:
            return await http.post(CHAT, json=ASKED, headers=bearer("first"))

    async with serving(app_of(), host="0.0.0.0") as served:
        refused = error_of(await ask(served), 403)
        assert "CONDUIT_API_KEY" in refused["message"]
        assert (await served.ask()).status_code == 200
    async with serving(app_of(settings=KEYED), host="0.0.0.0") as served:
        assert (await ask(served)).status_code == 200
