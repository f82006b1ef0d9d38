"""What tests of providers share: a house and a machine of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conduit.simple.house import House

from .houses import own_house


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[House]:
    """The house of this test, on a machine without settings."""
    with own_house(monkeypatch, tmp_path) as house:
        yield house
