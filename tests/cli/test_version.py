"""``conduit version``."""

from __future__ import annotations

import platform

from conduit import __version__

from .conftest import Run


def test_version_for_people_and_programs(conduit: Run) -> None:
    """The command, the option and the JSON agree."""
    assert conduit("version").out == conduit("--version").out == f"conduit {__version__}\n"
    assert conduit("version", "--json").json == {
        "version": __version__,
        "python": platform.python_version(),
    }
