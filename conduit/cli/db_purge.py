"""``conduit db purge``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from conduit.cli.console import say, say_json
from conduit.cli.db_place import confirmed, moving, place_of
from conduit.cli.logs import load_settings
from conduit.cli.numbers import age
from conduit.cli.options import Database, Json
from conduit.core.clocks import SystemClock
from conduit.engines.configured import actor_of
from conduit.stores.direct import opened
from conduit.stores.purge import Wanted, preview, purge


def db_purge(
    *,
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than",
            parser=age,
            metavar="AGE",
            help="Decisions of at least this age: 90s, 15m, 12h, 30d or 8w.",
        ),
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="ID", help="Decisions of this user alone.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    database: Database = None,
    json: Json = False,
) -> None:
    """Forget decisions, users, prompts and costs, and keep what was learned.

    Decisions go with their calls, observations, corrections and prompts. What
    was learned from them stays in the database, bit for bit, and later rebuilds
    keep it; budgets keep their totals. With both limits, what meets both goes.
    A change of a rating whose decision is gone is refused.

      conduit db purge --older-than 30d --dry-run
      conduit db purge --older-than 30d --yes
      conduit db purge --user 4711 --yes

    With --json: done (false for --dry-run, or when you said no), database and
    rows per kind: decisions, executions, observations, corrections, pending,
    costs (records of calls), reservations (closed ones, by age alone).
    """
    settings = load_settings()
    wanted, clock = Wanted(older_than=older_than, user=user), SystemClock()
    with opened(place_of(settings, database)) as found:
        place, counts = found.address.place, preview(found, wanted, clock=clock)
        done = (
            not dry_run
            and any(counts.values())
            and confirmed(f"Forget {_words(counts)} in {place}?", yes=yes)
        )
        if done:
            with moving("Forgetting") as bar:
                total, gone = counts["decisions"], 0

                def progress(more: int) -> None:
                    nonlocal gone
                    gone += more
                    bar(gone, total)

                counts = purge(
                    found, wanted, clock=clock, actor=actor_of(settings), progress=progress
                )
    if json:
        say_json({"done": done, "database": place, "rows": dict(counts)})
    else:
        say(f"{'forgot' if done else 'nothing changed; would forget'} {_words(counts)} in {place}")


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
