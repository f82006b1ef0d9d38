"""A Supabase project that cannot be used: one line that names it and the remedy, never the key."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import psycopg
import pytest

from conduit.core.errors import (
    ConduitError,
    ConfigurationError,
    InvalidInputError,
    SchemaVersionError,
    StoreError,
)
from conduit.stores import migrate, supabase_rest
from conduit.stores.sql_schema import HEAD
from conduit.stores.supabase import SupabaseStore
from conduit.stores.supabase_rest import Rest
from tests.servers.postgres import Databases
from tests.servers.supabase import ANON_KEY, SERVICE_KEY, SupabaseServer
from tests.stores.builders import a_decision, an_execution, an_observation


@pytest.fixture
def address(databases: Databases) -> str:
    """An empty database."""
    return databases.new()


@pytest.fixture
def url(address: str, supabase_server: SupabaseServer) -> str:
    """The project on it."""
    return supabase_server.project(address)


async def _refusal(url: str, key: str = SERVICE_KEY) -> ConduitError:
    """What opening ends with: one line, with a remedy and without the key."""
    with pytest.raises(ConduitError) as caught:
        await SupabaseStore(url, key).open()
    said = str(caught.value)
    assert "\n" not in said
    assert key not in said
    assert caught.value.remedy
    assert caught.value.exit_code == 2
    return caught.value


@contextmanager
def _website(status: int, body: str) -> Iterator[str]:
    """A server that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing is written."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_wrong_key_is_refused(url: str) -> None:
    """The line says where the right one is."""
    error = await _refusal(url, "sb_secret_of_another_project")
    assert isinstance(error, ConfigurationError)
    assert str(error).startswith(f"{url} refuses this key; copy the service role's key")


async def test_the_key_of_browsers_is_stopped(url: str) -> None:
    """Row level security stops the anon key, which is said at once and is no empty start."""
    error = await _refusal(url, ANON_KEY)
    assert isinstance(error, ConfigurationError)
    assert "keeps its tables from this key by row level security" in str(error)
    assert "migrations/DEPLOYMENT.md" in str(error)


async def test_even_with_every_grant_the_anon_key_sees_and_writes_nothing(
    address: str, url: str
) -> None:
    """A project that grants its roles everything by default is guarded by row level security."""
    with psycopg.connect(address) as connection:
        for what in ("TABLES", "SEQUENCES", "FUNCTIONS"):
            connection.execute(f"GRANT ALL ON ALL {what} IN SCHEMA public TO anon")
    assert "row level security" in str(await _refusal(url, ANON_KEY))
    store = SupabaseStore(url, SERVICE_KEY)
    await store.open()
    await store.append([a_decision()], [an_execution()])
    rest = Rest(url, ANON_KEY)
    await rest.connect()
    assert await rest.call("conduit_executions", decision_ids=[a_decision().id]) == []
    assert await rest.call("conduit_log", after_id=None, most=9) == {
        "decisions": [],
        "executions": [],
        "observations": [],
    }
    put = {"of_key": "x", "new_value": {}, "expected": 0, "new_edit": None}
    appended = {"new_decisions": [], "new_executions": []}
    for function, given in (("conduit_put_document", put), ("conduit_append", appended)):
        with pytest.raises(ConfigurationError, match="row level security"):
            await rest.call(function, **given)
    await rest.close()
    await store.close()


async def test_a_project_that_was_not_migrated_says_how(
    databases: Databases, supabase_server: SupabaseServer
) -> None:
    """Functions that are missing lead to the two ways of making them."""
    error = await _refusal(supabase_server.project(databases.bare()))
    assert isinstance(error, StoreError)
    assert "lacks functions of this version; run ./migrate.sh" in str(error)
    assert "paste migrations/001_initial_schema.sql" in str(error)


@pytest.mark.parametrize(
    ("revision", "kind", "said"),
    [
        ("0999", SchemaVersionError, f"knows up to {HEAD!r}; upgrade conduit-router"),
        ("0006", StoreError, f"wants {HEAD!r}; run ./migrate.sh"),
        (None, StoreError, "does not answer like a Supabase project with Conduit's tables"),
    ],
)
async def test_another_revision_is_left_alone(
    address: str, url: str, revision: str | None, kind: type[ConduitError], said: str
) -> None:
    """A newer one, an older one and none at all are each said to be that."""
    with psycopg.connect(address) as connection:
        if revision is None:
            connection.execute("DELETE FROM alembic_version")
        else:
            connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))
    error = await _refusal(url)
    assert type(error) is kind
    assert said in str(error)


def test_functions_come_and_go_with_their_revision(databases: Databases) -> None:
    """Down takes every function away, and up brings all of them back."""
    address = databases.new()

    def functions() -> int:
        with psycopg.connect(address) as connection:
            query = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'conduit\\_%'"
            return connection.execute(query).fetchall()[0][0]

    before = functions()
    while "0006" not in migrate.status(address):
        migrate.down(address)
    assert (functions(), before > 0) == (0, True)
    migrate.up(address)
    assert functions() == before


async def test_a_host_where_nobody_listens_is_named() -> None:
    """An address that nothing answers at is said to be unreachable."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    assert str(await _refusal(url)).startswith(f"{url} cannot be reached; check SUPABASE_URL")


async def test_a_silent_host_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never answers is not waited for without end."""
    monkeypatch.setattr(supabase_rest, "ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert "did not answer in time" in str(await _refusal(url))


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, "<html>Welcome\nto my page</html>", "does not answer like a Supabase project"),
        (404, "<html>nothing here</html>", "failed: Not Found (404)"),
        (502, "<html>Bad gateway</html>", "failed: Bad Gateway (502)"),
        (503, '{"code": "PGRST002", "message": "no cache"}', "cannot reach its database"),
        (401, '{"code": "PGRST301", "message": "JWSError"}', "refuses this key"),
        (500, json.dumps({"code": "XX000", "message": f"no {SERVICE_KEY}\nat all"}), "no ****"),
        (500, '{"code": "53100", "message": "x"}', "has no room left on its disk; free some"),
        (500, '{"code": "57014", "message": "x"}', "took longer than its statement_timeout"),
    ],
)
async def test_answers_of_all_kinds_are_one_line(status: int, body: str, said: str) -> None:
    """Whatever stands behind the address, what it says becomes one line without the key."""
    with _website(status, body) as url:
        assert said in str(await _refusal(url))


async def test_a_project_that_goes_away_is_an_error_and_comes_back(
    address: str, postgres_server: object
) -> None:
    """While a project is away every call says so; afterwards the same store goes on."""
    first = SupabaseServer(postgres_server)  # type: ignore[arg-type]
    url = first.project(address)
    port = int(url.split(":")[2].split("/")[0])
    store = SupabaseStore(url, SERVICE_KEY)
    await store.open()
    await store.add_decision(a_decision())
    first.close()
    with pytest.raises(StoreError, match=r"cannot be reached|broke the connection"):
        await store.observe([an_observation()])
    again = SupabaseServer(postgres_server, port=port)  # type: ignore[arg-type]
    await store.observe([an_observation()])
    assert (await store.fold()).count == 1
    await store.close()
    again.close()


@pytest.mark.parametrize("text", ["a\udcff", "a\x00b"])
async def test_text_that_no_database_holds_is_refused(url: str, text: str) -> None:
    """A lone surrogate and the character U+0000 are input errors."""
    store = SupabaseStore(url, SERVICE_KEY)
    await store.open()
    with pytest.raises(InvalidInputError):
        await store.put_document(text, {}, expected=0)
    await store.close()


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("project.supabase.co", SERVICE_KEY, "cannot be read; write https://"),
        ("ftp://project.supabase.co", SERVICE_KEY, "cannot be read"),
        ("https://project.supabase.co", "", "is no key"),
        ("https://project.supabase.co", "two words", "is no key"),
        ("https://me:hidden@project.supabase.co:many", "x", "cannot be read"),
    ],
)
def test_an_address_or_a_key_that_cannot_be_one_is_refused(url: str, key: str, said: str) -> None:
    """What cannot work is refused before anything is opened, and secrets are not repeated."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        SupabaseStore(url, key)
    assert "hidden" not in str(caught.value)
    assert "two words" not in str(caught.value)


async def test_a_missing_client_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the official client it is one line with the command that installs it."""
    monkeypatch.setitem(sys.modules, "supabase", None)
    error = await _refusal("https://project.supabase.co")
    assert "pip install 'conduit-router[supabase]'" in str(error)


async def test_a_closed_store_says_so(url: str) -> None:
    """Before open and after close there is a StoreError, and both may be said twice."""
    store = SupabaseStore(url, SERVICE_KEY)
    calls: list[Callable[[], object]] = [store.count, store.pulse, store.load]
    for call in calls:
        with pytest.raises(StoreError, match=r"is not open; await open\(\) first"):
            await call()  # type: ignore[misc]
    for _ in range(2):
        await store.open()
    for _ in range(2):
        await store.close()
    with pytest.raises(StoreError, match="is not open"):
        await store.count()


def test_a_place_shows_no_password() -> None:
    """What is shown of an address can be shown to anybody."""
    place = SupabaseStore("https://me:hidden@name.supabase.co/?key=hidden", "k").place
    assert place == "https://name.supabase.co"
