"""The README's programs run offline, in a house of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conduit.simple.house import House

from ...simple.providers.houses import own_house


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[House]:
    """The house of this test, where scripted models answer."""
    with own_house(monkeypatch, tmp_path) as house:
        monkeypatch.setenv("CONDUIT_OFFLINE", "1")
        yield house
