"""``conduit config``."""

from __future__ import annotations

from dataclasses import asdict

from conduit.cli.console import say_json, say_table, table_of
from conduit.cli.logs import load_settings
from conduit.cli.options import Json


def config(json: Json = False) -> None:
    """Show every setting, its value, and where that came from.

    Settings are environment variables, or lines of a .env file in the working
    folder; the environment wins. Keys and passwords are shown as ********.
    An origin is environment, .env, default, or the alias that was read.

      conduit config
      CONDUIT_POLICY=linucb conduit config
      conduit config --json

    With --json: an array of objects with name, variable, value (null when
    unset), origin and description. docs/CONFIGURATION.md explains them all.
    """
    entries = load_settings().entries()
    if json:
        say_json([asdict(entry) for entry in entries])
        return
    table = table_of("variable", "value", "origin")
    for entry in entries:
        value = "-" if entry.value is None else entry.value
        table.add_row(entry.variable, value, entry.origin)
    say_table(table)
