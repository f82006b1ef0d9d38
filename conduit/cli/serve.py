"""``conduit serve``."""

from __future__ import annotations

import logging
import os
import socket
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from conduit.cli import options
from conduit.cli.console import say, say_json
from conduit.cli.logs import load_settings, write_lines_for
from conduit.cli.numbers import whole_number
from conduit.core.addresses import is_loopback
from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.settings import Settings
from conduit.stores.sql_address import expanded

if TYPE_CHECKING:
    from uvicorn import Server

APP = "conduit.api.main:app"
PROTOCOL = "conduit.api.patience:PatientProtocol"
_IDLE = 75
"""Seconds for which an idle connection is kept: longer than balancers in front do, which may use it as it is closed."""
_GRACE = 30
"""Seconds for calls under way, once the server is told to stop."""
_ONCE = 1_000_000_000
"""Seconds between two notices that the server is ready: there is only the first."""

Host = Annotated[
    str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; beyond this machine "
    "only with CONDUIT_API_KEY set.")
]  # fmt: skip
Port = Annotated[
    int,
    typer.Option("--port", parser=whole_number, metavar="N", help="0 takes a free one."),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Answer with built-in scripted models; needs no key.")
]
Models = Annotated[
    str | None,
    typer.Option("--models", metavar="LIST", help="Models to choose among, separated by commas."),
]


def serve(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    offline: Offline = False,
    models: Models = None,
    database: options.Database = None,
    json: options.Json = False,
) -> None:
    r"""Serve OpenAI's protocol, with the model decided for every request.

    Programs change their base_url and nothing else; the model "auto" is decided
    by Conduit, any other name is that model. Try it without a key:

      conduit serve --offline
      curl http://127.0.0.1:8000/v1/chat/completions -H "Content-Type: application/json" \
        -d '{"model": "auto", "messages": [{"role": "user", "content": "What is 2+2?"}]}'
      curl http://127.0.0.1:8000/v1/models
      curl http://127.0.0.1:8000/v1/stats

    All routes are at /docs. CONDUIT_API_KEY is asked of all clients,
    CONDUIT_ADMIN_KEY of those who change models and budgets under /v1/admin:

      curl http://127.0.0.1:8000/v1/stats -H "Authorization: Bearer $CONDUIT_API_KEY"

    Decisions and what was learned live in a SQLite file in your data folder,
    unless --database, CONDUIT_DATABASE_PATH or DATABASE_URL names another place;
    with --offline in offline.db there, unless --database or
    CONDUIT_OFFLINE_DATABASE does. The URL is said on standard output once
    requests are taken, and each request is a line on standard error, unless
    CONDUIT_LOG_LEVEL says WARNING. Ctrl-C ends the server, after the calls
    under way.
    """
    _check_libraries()
    if not 0 <= port <= 65_535:
        raise InvalidInputError(f"port={port} cannot be", remedy="give one from 0 to 65535")
    _hand_over(offline=offline, models=models, database=database)
    settings = load_settings()
    write_lines_for(settings)
    if settings.api_key is None and not is_loopback(host):
        raise ConfigurationError(
            f"without a key only this machine is served, not {host!r}",
            remedy="set CONDUIT_API_KEY, or leave --host out",
        )
    listening = _listen(host, port)
    try:
        _server(listening, settings, json=json).run(sockets=[listening])
    except SystemExit:  # the start failed, and the log has said why
        raise typer.Exit(2) from None
    except KeyboardInterrupt:  # which the server has obeyed already
        return
    finally:
        listening.close()


def _check_libraries() -> None:
    missing = [name for name in ("fastapi", "orjson", "uvicorn", "httptools")
               if find_spec(name) is None]  # fmt: skip
    if missing:
        raise ConfigurationError(
            f"the server needs {', '.join(missing)}",
            remedy="install it with: pip install 'conduit-router[api]'",
        )


def _hand_over(*, offline: bool, models: str | None, database: str | None) -> None:
    """Options become settings of the process, which the app reads when it starts."""
    if offline:
        os.environ["CONDUIT_OFFLINE"] = "true"
    if models is not None:
        os.environ["CONDUIT_MODELS"] = models
    if database is not None:
        is_address = "://" in database
        where = database if is_address else f"sqlite:///{quote(str(expanded(database).absolute()))}"
        os.environ["CONDUIT_DATABASE_URL"] = os.environ["CONDUIT_OFFLINE_DATABASE"] = where


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise InvalidInputError(
            f"cannot listen at {host} port {port}: {error.strerror or error}",
            remedy="end what listens there, or give another --port or --host",
        ) from None
    return listening


def _server(listening: socket.socket, settings: Settings, *, json: bool) -> Server:
    import uvicorn  # noqa: PLC0415 - an extra

    host, port = listening.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def say_ready() -> None:
        say_json({"url": url}) if json else say(f"Conduit serves {url}/v1 (routes: {url}/docs)")

    logging.getLogger("uvicorn.error").addFilter(_says_why)
    config = uvicorn.Config(
        APP,
        http=PROTOCOL,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="debug" if settings.log_level == "DEBUG" else "warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_GRACE,
        callback_notify=say_ready,
        timeout_notify=_ONCE,
    )
    return uvicorn.Server(config)


def _says_why(record: logging.LogRecord) -> bool:
    """Whether a line tells more than that the start failed, which the line before has told."""
    return not record.getMessage().endswith("startup failed. Exiting.")
