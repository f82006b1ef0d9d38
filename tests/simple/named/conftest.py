"""A house of the test's own, and the programs of both tools on PATH."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conduit.settings import SETTINGS
from conduit.simple.house import House

from ...providers.fake_tools import install


@contextmanager
def own_house(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[House]:
    """A house that nobody else uses, on a machine without settings."""
    for setting in SETTINGS:
        for variable in setting.variables:
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("CONDUIT_DATA_DIR", str(folder / "data"))
    monkeypatch.setenv("CONDUIT_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setenv("CONDUIT_ENCODER", "hashing")
    monkeypatch.setenv("LITELLM_NUM_RETRIES", "0")
    monkeypatch.setenv("LITELLM_APP_RETRIES", "0")
    monkeypatch.chdir(folder)
    home = House()
    monkeypatch.setattr("conduit.simple.named.provider.house", lambda: home)
    try:
        yield home
    finally:
        home.close()


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[House]:
    """The house of this test."""
    with own_house(monkeypatch, tmp_path) as house:
        yield house


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Both tools, on PATH; the file is where they write down how they were called."""
    monkeypatch.setenv("PATH", str(install(tmp_path / "bin")), prepend=os.pathsep)
    monkeypatch.setenv("FAKE_TOOL_LOG", str(tmp_path / "calls"))
    return tmp_path / "calls"
