"""Addresses of machines."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit


@lru_cache(maxsize=256)  # a server asks for the same few hosts at each request
def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine itself, by its spelling alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def shown_address(url: str) -> str:
    """An address as messages may say it: without user, password, query and fragment.

    Raises:
        ValueError: for one that cannot be read.
    """
    parts = urlsplit(url)
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"
