"""The snippets of the README, each of which is run everywhere once for all tests."""

from __future__ import annotations

import pytest

from .places import Ran, at_once, in_jupyter, offline
from .snippets import PROGRAMS


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """What Jupyter said of every snippet."""
    return in_jupyter(offline(tmp_path_factory.mktemp("jupyter")), PROGRAMS)


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """Every snippet, alone and in 32 threads; of the table, which is no snippet, alone."""
    return at_once(offline(tmp_path_factory.mktemp("threads")), PROGRAMS, but={"table"})
