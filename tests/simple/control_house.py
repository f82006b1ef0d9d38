"""A house of a test's own, in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conduit.simple import calls
from conduit.simple.control import bookkeeper
from conduit.simple.house import House
from conduit.simple.providers import exchange


@contextmanager
def own_house(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """What functions without arguments use meanwhile; nothing of the user's is touched."""
    home = House()
    for module in (bookkeeper, calls, exchange):
        monkeypatch.setattr(module, "house", lambda: home)
    settings = {
        "CONDUIT_DATA_DIR": str(folder / "data"),
        "CONDUIT_CACHE_DIR": str(folder / "cache"),
        "CONDUIT_ENCODER": "hashing",
        "CONDUIT_OFFLINE": "1",
        "CONDUIT_ACTOR": "tester",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    try:
        yield home
    finally:
        home.close()
