"""Addresses of machines."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=256)  # a server asks for the same few hosts at each request
def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine itself, by its spelling alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
