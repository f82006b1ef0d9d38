"""``conduit version``."""

from __future__ import annotations

import platform

from conduit.cli.console import say, say_json
from conduit.cli.options import Json
from conduit.core.version import __version__


def version(json: Json = False) -> None:
    """Show the version.

    The same as conduit --version; with --json, Python's version as well.
    """
    if json:
        say_json({"version": __version__, "python": platform.python_version()})
    else:
        say_version()


def say_version() -> None:
    """Write the version for people."""
    say(f"conduit {__version__}")
