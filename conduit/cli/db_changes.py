"""``conduit db changes``."""

from __future__ import annotations

import json as encoding
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from conduit.cli.console import say, say_json, say_table, table_of
from conduit.cli.db_place import place_of
from conduit.cli.logs import load_settings
from conduit.cli.numbers import whole_number
from conduit.cli.options import Database, Json
from conduit.core.sharing import Edit
from conduit.core.sharing import Json as Values
from conduit.stores.direct import opened
from conduit.stores.sql_documents import read_edits


def db_changes(
    *,
    limit: Annotated[
        int,
        typer.Option("--limit", parser=whole_number, metavar="N", help="Most that are shown."),
    ] = 100,
    database: Database = None,
    json: Json = False,
) -> None:
    """Show who changed models, prices, budgets and the database, and when.

    The newest come first. Names are those of CONDUIT_ACTOR, else of the
    operating system's user. Corrected ratings are not among them: they are with
    their decisions.

      conduit db changes
      conduit db changes --limit 10 --json

    With --json: a list of at (seconds since the epoch), actor, action, subject,
    before and after.
    """
    with opened(place_of(load_settings(), database)) as found, found.read() as conn:
        place, edits = found.address.place, read_edits(conn, limit=max(limit, 0))
    if json:
        say_json([asdict(edit) for edit in edits])
    elif not edits:
        say(f"nobody has changed anything in {place}")
    else:
        _show(edits)


def _show(edits: tuple[Edit, ...]) -> None:
    table = table_of("when (UTC)", "who", "what", "of", "before", "after")
    for edit in edits:
        when = f"{datetime.fromtimestamp(edit.at, UTC):%Y-%m-%d %H:%M:%S}"
        table.add_row(
            when, edit.actor, edit.action, edit.subject, _cell(edit.before), _cell(edit.after)
        )
    say_table(table)


def _cell(values: Values | None) -> str:
    return "-" if values is None else encoding.dumps(dict(values), ensure_ascii=False)
