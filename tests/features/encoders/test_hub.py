"""One file from the hub, or nothing, soon."""

from __future__ import annotations

import socket
import time

import pytest

from conduit.features.encoders.hub import fetch
from tests.features.encoders.hub import serving

BODY = b"0123456789" * 20


@pytest.mark.parametrize("behaviour", ["good", "redirect"])
def test_fetches(behaviour: str) -> None:
    """A file that is there arrives whole, also by way of another address."""
    with serving({"/file": BODY}, behaviour) as hub:
        assert fetch(f"{hub.address}/file", size=len(BODY)) == BODY


def test_absent_file() -> None:
    """A hub without the file gives nothing."""
    with serving({}) as hub:
        assert fetch(f"{hub.address}/file", size=1) is None


@pytest.mark.parametrize("size", [len(BODY) - 1, len(BODY) + 1])
def test_other_size(size: int) -> None:
    """An answer of another size is not the file."""
    with serving({"/file": BODY}) as hub:
        assert fetch(f"{hub.address}/file", size=size) is None


@pytest.mark.parametrize("behaviour", ["stall", "drip", "endless", "cut"])
def test_bad_hub_ends_soon(behaviour: str) -> None:
    """A hub that stalls, drips, never ends or breaks off is given up within the limits."""
    start = time.monotonic()
    with serving({"/file": BODY}, behaviour) as hub:
        assert fetch(f"{hub.address}/file", size=len(BODY), timeout=0.3, within=0.3) is None
    assert time.monotonic() - start < 3


def test_unreachable() -> None:
    """A hub that does not answer is no error."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert fetch(f"http://127.0.0.1:{port}/file", size=1) is None
