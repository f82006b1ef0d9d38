"""``conduit db import``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from conduit.cli.console import note, say, say_json
from conduit.cli.db_place import place_of
from conduit.cli.logs import load_settings
from conduit.cli.options import Database, Json
from conduit.core.clocks import SystemClock
from conduit.core.errors import InvalidInputError
from conduit.core.statistics import Source
from conduit.engines.configured import actor_of
from conduit.stores.archive import Into, put_in, shared_sources
from conduit.stores.archive_file import load_archive
from conduit.stores.direct import opened


def db_import(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="What conduit db export wrote, anywhere.")
    ],
    merge: Annotated[
        bool, typer.Option("--merge", help="Learn from both: add the file to what is there.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Keep the file's evidence alone; the log stays.")
    ] = False,
    *,
    database: Database = None,
    json: Json = False,
) -> None:
    """Learn what a file of 'conduit db export' holds.

    The whole file is checked before the database is touched, and is taken in
    whole or not at all. A database that has learned already needs --merge or
    --replace. The same file merged twice counts once; a later export of a
    database that is merged already is refused.

      conduit db import learned.zip
      conduit db import learned.zip --merge --database conduit.db

    With --json: file, sha256, changed (false when it was merged before),
    layout, arms and database.
    """
    if merge and replace:
        raise InvalidInputError(
            "--merge and --replace exclude one another", remedy="choose one of them"
        )
    into = Into.MERGE if merge else Into.REPLACE if replace else Into.EMPTY
    settings = load_settings()
    archive = load_archive(file)
    with opened(place_of(settings, database), create=True) as found:
        twice = shared_sources(found, archive) if into is Into.MERGE else ()
        known = put_in(
            found,
            archive,
            name=Path(file).name,
            into=into,
            clock=SystemClock(),
            actor=actor_of(settings),
        )
        place = found.address.place
    if known is None:
        _warn_of_twice(twice)
    arms = list(dict.fromkeys(arm for arm, _ in archive.statistics))
    if json:
        say_json(
            {
                "file": file,
                "sha256": archive.digest,
                "changed": known is None,
                "layout": archive.layout,
                "arms": arms,
                "database": place,
            }
        )
    elif known is not None:
        when = datetime.fromtimestamp(known.absorbed_at, UTC)
        say(f"nothing changed: {place} took this file in on {when:%Y-%m-%d %H:%M} UTC")
    else:
        say(f"{place} knows now what {file} says of {len(arms)} models")


def _warn_of_twice(twice: Sequence[Source]) -> None:
    if twice:
        names = ", ".join(repr(source.name) for source in twice)
        note(f"warning: both have learned from {names}, which counts twice from now on")
