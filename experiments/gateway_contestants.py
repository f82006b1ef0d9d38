"""Gateways in front of one mocked model: how each is started, and what it is asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from conduit.api.keys import Keys
from conduit.core.errors import ConfigurationError
from experiments.servers.processes import Server, free_port, running

DIRECT, BARE, GIVEN, ENCODING, LITELLM = (
    "model server itself",
    "bare pass-through",
    "conduit, features given",
    "conduit, encoder on",
    "litellm proxy",
)
PEERS = Path(".venv-litellm")
"""Environment of ``make peers`` in which LiteLLM's proxy lives."""
KEY, ADMIN = "sk-loopback-0123456789abcdef", "sk-admin-0123456789abcdef"
MODELS = {"small": (0.1, 0.4), "medium": (1.0, 4.0), "large": (3.0, 15.0)}
"""USD per million tokens, in and out."""
MOCK = (sys.executable, "-m", "experiments.servers.openai_mock", "--port")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A running gateway.

    Args:
        server: its process.
        model: that clients ask it for.
        key: that they send.
    """

    server: Server
    model: str
    key: str = ""

    @property
    def address(self) -> str:
        """Where it speaks OpenAI's protocol."""
        return f"{self.server.address}/v1"


@contextmanager
def contestants(folder: Path, *, peers: Path | None) -> Iterator[dict[str, Contestant]]:
    """All of them at once, each in a process of its own.

    Args:
        folder: for databases and configurations.
        peers: environment with LiteLLM's proxy; None leaves that out.
    """
    with ExitStack() as stack:
        port = free_port()
        mock = stack.enter_context(running([*MOCK, str(port)], port=port))
        found = {DIRECT: Contestant(server=mock, model="mock")}
        upstream = found[DIRECT].address
        found[BARE] = stack.enter_context(_bare(upstream))
        found[GIVEN] = stack.enter_context(conduit(folder / "given", upstream))
        found[ENCODING] = stack.enter_context(
            conduit(folder / "encoding", upstream, CONDUIT_FEATURE_CACHE_BYTES="0")
        )
        if peers is not None:
            found[LITELLM] = stack.enter_context(_litellm(folder, upstream, peers))
        yield found


@contextmanager
def _bare(upstream: str) -> Iterator[Contestant]:
    with _uvicorn("experiments.servers.pass_through:app", UPSTREAM=upstream) as server:
        yield Contestant(server=server, model="mock")


@contextmanager
def conduit(folder: Path, upstream: str, **environ: str) -> Iterator[Contestant]:
    """Conduit's gateway in a process of its own.

    Args:
        folder: for its database and configuration.
        upstream: address of the model server, up to ``/v1``.
        environ: more settings.
    """
    settings = conduit_settings(folder, upstream) | environ
    with _uvicorn("conduit.api.main:app", **settings) as server:
        yield Contestant(server=server, model="auto", key=KEY)


def conduit_settings(folder: Path, upstream: str) -> dict[str, str]:
    """The environment of a gateway over three models that one server mocks; SQLite, everything on."""
    folder.mkdir(parents=True)
    registry = folder / "registry.json"  # JSON is YAML too
    models = [
        {
            "id": name,
            "provider": "mock",
            "base_url": upstream,
            "input_price": given,
            "output_price": taken,
        }
        for name, (given, taken) in MODELS.items()
    ]
    registry.write_text(json.dumps({"models": models}))
    return {
        "CONDUIT_REGISTRY": str(registry),
        "CONDUIT_MODELS": ",".join(MODELS),
        "CONDUIT_DATABASE_PATH": str(folder / "conduit.db"),
        "CONDUIT_API_KEY": KEY,
        "CONDUIT_ADMIN_KEY": ADMIN,
        "CONDUIT_LOG_LEVEL": "WARNING",
    }


@contextmanager
def _litellm(folder: Path, upstream: str, peers: Path) -> Iterator[Contestant]:
    program, port = peers / "bin" / "litellm", free_port()
    if not program.exists():
        raise ConfigurationError(f"{program} is not there", remedy="run 'make peers' first")
    config = folder / "litellm.json"
    served = {"model": "openai/mock", "api_base": upstream, "api_key": KEY}
    entry = {"model_name": "mock", "litellm_params": served}
    config.write_text(json.dumps({"model_list": [entry], "general_settings": {"master_key": KEY}}))
    command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    with running([*command, "--num_workers", "1"], port=port, environ=_QUIET) as server:
        yield Contestant(server=server, model="mock", key=KEY)


_QUIET: dict[str, str | None] = {
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "DATABASE_URL": None,
}


@contextmanager
def _uvicorn(app: str, **environ: str) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)]
    quiet = ["--no-access-log", "--log-level", "warning"]
    with running([*command, *quiet], port=port, environ=environ) as server:
        yield server


async def make_budget(
    session: aiohttp.ClientSession, address: str, *, scope: str, limit: float
) -> None:
    """Have a gateway of ours keep a daily budget, in USD.

    Raises:
        aiohttp.ClientResponseError: where it refuses.
    """
    said = {"scope": scope, "window": "daily", "limit": limit}
    headers = {"authorization": f"Bearer {ADMIN}"}
    async with session.put(f"{address}/admin/budgets", json=said, headers=headers) as answer:
        answer.raise_for_status()


def key_scope(key: str = KEY) -> str:
    """Under what a gateway of ours knows the account of a key."""
    (name,) = Keys.of(key).names
    return f"api_key:{name}"
