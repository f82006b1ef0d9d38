"""What an LM Studio server has loaded."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from conduit.core.addresses import shown_address
from conduit.core.errors import ConfigurationError

PATIENCE = 2.0
"""Seconds; the server is on this machine, or near it."""
_MOST = 1_000_000


def loaded_model(base_url: str, *, timeout: float = PATIENCE) -> str:
    """The first model that a server offers and that answers prompts.

    Args:
        base_url: of its OpenAI-compatible protocol, such as ``http://localhost:1234/v1``.
        timeout: seconds to wait for it; the call blocks for as long.

    Raises:
        ConfigurationError: when no server answers there, or it has no such model.
    """
    shown = _shown(base_url)
    try:
        models = _models(base_url, timeout=timeout)
    except (OSError, HTTPException, ValueError, LookupError, TypeError, AttributeError):
        raise ConfigurationError(
            f"no LM Studio server answers at {shown}",
            remedy="start its server, or set CONDUIT_LMSTUDIO_BASE_URL to where it is",
        ) from None
    able = [name for name in models if "embed" not in name.lower()]
    if not able:
        raise ConfigurationError(
            f"the LM Studio server at {shown} has no model loaded",
            remedy="load one there, or name one",
        )
    return able[0]


def _shown(base_url: str) -> str:
    try:
        return shown_address(base_url)
    except ValueError:
        return "an address that cannot be read"


def _models(base_url: str, *, timeout: float) -> list[str]:
    where = urlsplit(base_url)
    kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
    connection = kind(where.hostname or "", where.port, timeout=timeout)
    try:
        connection.request("GET", f"{where.path.rstrip('/')}/models")
        said = json.loads(connection.getresponse().read(_MOST))
    finally:
        connection.close()
    return [str(model["id"]) for model in said["data"]]
