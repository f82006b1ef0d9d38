"""The part of a Supabase project that the store uses, over a real PostgreSQL.

It answers calls of functions as PostgREST does: the functions and tables are the migrations', each
call is one transaction as the role of its key, and whatever the function does not declare is
refused. Nothing else is served.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from experiments.servers.postgres import Postgres

SERVICE_KEY = "sb_secret_4f2c_service"
ANON_KEY = "sb_publishable_77aa_anon"
_ROLES = {SERVICE_KEY: "service_role", ANON_KEY: "anon"}
_ATTRIBUTES = {"anon": "NOLOGIN NOINHERIT", "service_role": "NOLOGIN NOINHERIT BYPASSRLS"}
_KEPT = 4  # pools of databases that a test may use side by side

_FUNCTION = text(
    "SELECT proname, proargnames AS names, provolatile <> 'v' AS reads, pronargdefaults AS optional,"
    " ARRAY(SELECT format_type(kind, NULL) FROM unnest(proargtypes) AS kind) AS kinds"
    " FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname = :name"
)
_STATUS = {"23503": 409, "23505": 409, "25006": 405, "42883": 404, "42P01": 404, "42501": 403}
_CLASSES = {"08": 503, "53": 503, "40": 500, "55": 500, "57": 500, "XX": 500}


def make_roles(server: Postgres) -> None:
    """Make the roles that every Supabase project has, where they are missing."""
    for role, attributes in _ATTRIBUTES.items():
        server.run(
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
            f" THEN CREATE ROLE {role} {attributes}; END IF; END $$"
        )


@dataclass
class Refusal(Exception):  # noqa: N818 - an answer
    """An answer that is no success, as PostgREST words it."""

    status: int
    code: str | None
    message: str
    details: str | None = None
    hint: str | None = None

    def body(self) -> dict[str, str | None]:
        kept = {"message": self.message, "details": self.details, "hint": self.hint}
        return kept if self.code is None else {"code": self.code} | kept


_WRONG_KEY = Refusal(
    401,
    None,
    "Invalid API key",
    hint="Double check your Supabase `anon` or `service_role` API key.",
)


class _Http(ThreadingHTTPServer):
    """A server that can be gone at once, with the connections that are kept alive."""

    daemon_threads = True

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self._sockets: WeakSet[socket.socket] = WeakSet()
        super().__init__(("127.0.0.1", port), handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._sockets.add(connection)
        return connection, address

    def cut(self) -> None:
        for connection in list(self._sockets):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class SupabaseServer:
    """Projects, one per database of a server; the path of its address names the database.

    Args:
        postgres: holds the databases.
        port: to listen on; 0 takes a free one.
    """

    def __init__(self, postgres: Postgres, *, port: int = 0) -> None:
        self._postgres = postgres
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._lock = threading.Lock()
        self._http = _Http(port, _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def project(self, address: str) -> str:
        """The address of the project whose database that is."""
        return f"http://127.0.0.1:{self._http.server_port}/{make_url(address).database}"

    def close(self) -> None:
        """Stop it, with all connections."""
        self._http.shutdown()
        self._http.cut()
        self._thread.join()
        self._http.server_close()
        for engine in self._engines.values():
            engine.dispose()

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> str:
        """What a POST to a path answers, as JSON text."""
        key = headers.get("apikey", "")
        if key not in _ROLES or headers.get("Authorization") != f"Bearer {key}":
            raise _WRONG_KEY
        database, _, rest = path.removeprefix("/").partition("/rest/v1/rpc/")
        if not rest or not rest.isidentifier():
            raise Refusal(404, "PGRST125", "Invalid path specified in request URL")
        with self._transaction(database, _ROLES[key]) as conn:
            return _call(conn, rest, json.loads(body))

    @contextmanager
    def _transaction(self, database: str, role: str) -> Iterator[Connection]:
        try:
            with self._engine(database).begin() as conn:
                conn.execute(
                    text(
                        "SELECT set_config('role', :role, true),"
                        " set_config('search_path', 'public', true)"
                    ),
                    {"role": role},
                )
                yield conn
        except DBAPIError as error:
            raise _refusal(error) from None

    def _engine(self, database: str) -> Engine:
        with self._lock:
            if database not in self._engines:
                url = make_url(self._postgres.address(database))
                self._engines[database] = create_engine(
                    url.set(drivername="postgresql+psycopg"),
                    pool_size=8,
                    max_overflow=0,
                    pool_pre_ping=True,
                )
                while len(self._engines) > _KEPT:
                    self._engines.popitem(last=False)[1].dispose()
            return self._engines[database]


def _call(conn: Connection, name: str, given: dict[str, Any]) -> str:
    function = conn.execute(_FUNCTION, {"name": name}).one_or_none()
    declared = [] if function is None else list(function.names or [])
    needed = declared[: len(declared) - (function.optional if function else 0)]
    if function is None or not set(needed) <= set(given) <= set(declared):
        told = ", ".join(sorted(given))
        raise Refusal(
            404,
            "PGRST202",
            f"Could not find the function public.{name}({told}) in the schema cache",
            f"Searched for the function public.{name} with parameters {told} or with a single "
            "unnamed json/jsonb parameter, but no matches were found in the schema cache.",
        )
    if function.reads:
        conn.execute(text("SET TRANSACTION READ ONLY"))
    kinds = zip(declared, function.kinds, strict=True)
    return _run(conn, name, {it: kind for it, kind in kinds if it in given}, given)


def _run(conn: Connection, name: str, kinds: dict[str, str], given: dict[str, Any]) -> str:
    """One statement: arguments are read from the JSON object by their declared types."""
    arguments = ", ".join(f'"{it}" := _."{it}"' for it in kinds)
    columns = ", ".join(f'"{it}" {kind}' for it, kind in kinds.items())
    source = f" FROM json_to_record(CAST(:given AS json)) AS _({columns})" if kinds else ""
    said = conn.execute(
        text(
            f"SELECT CAST(to_json(public.{name}({arguments})) AS text){source}".replace(
                ":=", r"\:="
            )
        ),
        {"given": json.dumps(given)} if kinds else {},
    ).scalar_one()
    return "null" if said is None else str(said)


def _refusal(error: DBAPIError) -> Refusal:
    diag = getattr(error.orig, "diag", None)
    state = getattr(error.orig, "sqlstate", None)
    if diag is None or state is None:
        return Refusal(503, "PGRST000", "Database connection error. Retrying the connection.")
    status = _STATUS.get(state) or _CLASSES.get(state[:2]) or 400
    return Refusal(
        status, state, diag.message_primary or "", diag.message_detail, diag.message_hint
    )


def _handler(server: SupabaseServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet per answer,
        disable_nagle_algorithm = True  # and a second one without delay

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            try:
                self._send(200, server.answer(self.path, self.headers, body))
            except Refusal as refusal:
                self._send(refusal.status, json.dumps(refusal.body()))

        def do_GET(self) -> None:
            self._send(404, json.dumps({"code": "PGRST205", "message": "nothing is served here"}))

        def _send(self, status: int, text: str) -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing is written."""

    return Handler
