"""``conduit db status``."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from conduit.cli.console import say, say_json, say_table, table_of
from conduit.cli.db_place import place_of
from conduit.cli.logs import load_settings
from conduit.cli.options import Database, Json
from conduit.stores.status import Contents, Status, status_of

_UNITS = ("bytes", "kB", "MB", "GB")


def db_status(*, database: Database = None, json: Json = False) -> None:
    """Say how the database is: schema, size, rows, what was learned, and lag.

    Nothing is created, migrated or changed. Lag is the age of the oldest
    observation that is in the log and not yet in the learned state.

      conduit db status
      conduit db status --json
      conduit db status --database postgresql://user:password@host:5432/name

    With --json: place, kind, exists, revision, newest (that this version
    wants), up_to_date, size (bytes) and contents: version, layout, half_life,
    rebuilding, rows, arms, documents, last_decision, last_observation,
    oldest_pending (times in seconds since the epoch), lag (seconds). Contents
    is null unless the schema is up to date.
    """
    now = time.time()
    status = status_of(place_of(load_settings(), database), now=now)
    if json:
        say_json(_json(status, now))
    else:
        _show(status, now)


def _json(status: Status, now: float) -> dict[str, Any]:
    values = asdict(status) | {"up_to_date": status.revision == status.newest}
    if status.contents is not None:
        values["contents"] |= {"lag": status.contents.lag(now)}
        if status.contents.half_life == float("inf"):
            values["contents"]["half_life"] = "never"
    return values


def _show(status: Status, now: float) -> None:
    if not status.exists:
        say(f"{status.place} does not exist yet; conduit route makes it")
        return
    say(f"{status.place} ({status.kind}), {_size(status.size)}")
    if status.contents is None:
        say(f"revision {status.revision or 'none'}, this version wants {status.newest}")
        if status.revision is not None and status.revision > status.newest:
            say("upgrade conduit-router, or choose another database")
        else:
            say("run ./migrate.sh up, or any command that opens it")
        return
    say(f"revision {status.revision}, the newest")
    _show_contents(status.contents, now)


def _show_contents(contents: Contents, now: float) -> None:
    rows = contents.rows
    say(
        f"learned state version {contents.version}, layout {contents.layout or 'none yet'}"
        + (", being rebuilt" if contents.rebuilding else "")
    )
    say(f"last decision {_time(contents.last_decision)}")
    say(f"last observation {_time(contents.last_observation)}")
    say(f"{rows['pending']:,} observations to be folded, lag {contents.lag(now):.1f} s\n")
    table = table_of("table", "rows", right=("rows",))
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    say_table(table)
    if contents.arms:
        say("")
        seen = table_of("model", "observations", "ratings", right=("observations", "ratings"))
        for arm, it in contents.arms.items():
            seen.add_row(arm, f"{it.observations:,}", f"{it.ratings:,}")
        say_table(seen)
    for key, version in contents.documents.items():
        say(f"document {key}, version {version}")


def _time(moment: float | None) -> str:
    if moment is None:
        return "never"
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _size(count: int) -> str:
    size, unit = float(count), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} bytes" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
