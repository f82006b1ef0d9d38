"""Where a request comes from, as a browser says: a page of this machine, or of another site.

A page may send some requests to any address without asking first. It cannot read the answer, but
a model would have been asked and paid for.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from conduit.api.keys import Headers
from conduit.core.addresses import is_loopback


def is_foreign(headers: Headers) -> bool:
    """Whether a page of another site sent a request; programs that are no browsers say nothing."""
    site = origin = None
    for name, value in headers:
        if name == b"origin":
            origin = value
        elif name == b"sec-fetch-site":
            site = value
    if origin is not None:
        return not _is_of_this_machine(origin.decode("latin-1"))
    return site == b"cross-site"


def _is_of_this_machine(origin: str) -> bool:
    try:
        return is_loopback(urlsplit(origin).hostname or "")
    except ValueError:
        return False
