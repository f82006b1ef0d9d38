"""``conduit list``."""

from __future__ import annotations

from conduit.cli.console import note, say_json, say_table, table_of
from conduit.cli.logs import load_settings
from conduit.cli.options import Json
from conduit.simple.named.names import KNOWN, Known
from conduit.simple.named.standing import missing


def list(json: Json = False) -> None:  # noqa: A001 - the command's name
    """Show the providers: what each needs, and whether that is there.

    An API needs its key, in the environment or in .env; LM Studio needs its
    server, which is asked. A CLI is a command on PATH, with a login of its own,
    which is not tried. Parallelism is how many prompts a batch sends at once
    where -j does not say.

      conduit list
      conduit list --json

    With --json: an array of objects with name, kind, needs,
    default_parallelism, ready and missing (null where nothing is).
    """
    settings = load_settings()
    found = [(known, missing(known, settings)) for known in KNOWN.values()]
    if json:
        say_json([_row(known, lack) for known, lack in found])
        return
    table = table_of("provider", "kind", "needs", "parallelism", "status", right=("parallelism",))
    for known, lack in found:
        parallelism = str(known.default_parallelism)
        table.add_row(known.name, known.kind, known.needs, parallelism, lack or "ready")
    say_table(table)
    if settings.offline:
        note("CONDUIT_OFFLINE is on: scripted models answer for all of them")


def _row(known: Known, lack: str | None) -> dict[str, object]:
    return {
        "name": known.name,
        "kind": known.kind,
        "needs": known.needs,
        "default_parallelism": known.default_parallelism,
        "ready": lack is None,
        "missing": lack,
    }
