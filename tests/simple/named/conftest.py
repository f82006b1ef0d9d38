"""A house of the test's own, and the programs of both tools on PATH."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from conduit.simple.house import House

from ...providers.fake_tools import install
from ..providers.houses import own_house

FACE = "conduit.simple.named.provider"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[House]:
    """The house of this test."""
    with own_house(monkeypatch, tmp_path, of=FACE) as house:
        yield house


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Both tools, on PATH; the file is where they write down how they were called."""
    monkeypatch.setenv("PATH", str(install(tmp_path / "bin")), prepend=os.pathsep)
    monkeypatch.setenv("FAKE_TOOL_LOG", str(tmp_path / "calls"))
    return tmp_path / "calls"
