"""``conduit db export``."""

from __future__ import annotations

from typing import Annotated

import typer

from conduit.cli.console import say, say_json
from conduit.cli.db_place import place_of
from conduit.cli.logs import load_settings
from conduit.cli.options import Database, Json
from conduit.core.clocks import SystemClock
from conduit.stores.archive import take_out
from conduit.stores.archive_file import save_archive
from conduit.stores.direct import opened


def db_export(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write it; replaced.")],
    *,
    database: Database = None,
    json: Json = False,
) -> None:
    """Write what was learned to a file that another database can take in.

    The file holds sums per model, exact to the bit, and no prompt, user or
    decision. It is a zip archive of a JSON manifest and plain arrays; it holds
    no code. Whatever is pending in the database is folded first.

      conduit db export learned.zip
      conduit db import learned.zip --database new.db

    With --json: file, sha256, layout, dim, arms and database.
    """
    place = place_of(load_settings(), database)
    with opened(place) as found:
        archive = take_out(found, clock=SystemClock())
        shown = found.address.place
    digest = save_archive(archive, file)
    arms = list(dict.fromkeys(arm for arm, _ in archive.statistics))
    if json:
        say_json(
            {
                "file": file,
                "sha256": digest,
                "layout": archive.layout,
                "dim": archive.dim,
                "arms": arms,
                "database": shown,
            }
        )
    else:
        say(f"{file}: what {shown} learned of {len(arms)} models (SHA-256 {digest})")
