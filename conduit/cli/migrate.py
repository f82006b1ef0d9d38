"""What ``./migrate.sh`` runs: bring the configured database to this version's schema."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from conduit.core.errors import ConduitError, ConfigurationError
from conduit.engines.configured import direct_place
from conduit.settings import Settings
from conduit.stores import migrate

_COMMANDS = {
    "up": migrate.up,
    "down": migrate.down,
    "status": migrate.status,
    "sql": migrate.sql,
}
_HELP = """\
up      bring the database to this version's schema (what no argument does)
down    undo the newest revision; its tables are dropped with all they hold
status  say which revision the database is at; changes nothing
sql     print the statements that make an empty database, for copying by hand

The database is DATABASE_URL, from the environment or .env, as in
postgresql://user:password@host:5432/name; without it, Conduit's SQLite file. A
Supabase project is migrated by its DATABASE_URL too, not over REST.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code.

    Args:
        argv: the arguments, without the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(
        prog="migrate.sh",
        description="Migrate Conduit's database.",
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", choices=_COMMANDS, default="up")
    command = _COMMANDS[parser.parse_args(argv).command]
    try:
        said = command(_place(Settings.load()))
    except ConduitError as error:
        sys.stderr.write(f"migrate.sh: {error}\n")
        return error.exit_code
    sys.stdout.write(said.rstrip("\n") + "\n")
    return 0


def _place(settings: Settings) -> str:
    """The database to migrate.

    Raises:
        ConfigurationError: where only Supabase over REST is set up, which cannot make tables.
    """
    place = settings.database_url or direct_place(settings)
    if place is None:
        raise ConfigurationError(
            "over REST nothing can be migrated, and only SUPABASE_URL is set",
            remedy="set DATABASE_URL to the project's postgresql:// address, or paste "
            "migrations/001_initial_schema.sql into its SQL editor",
        )
    return place


if __name__ == "__main__":
    sys.exit(main())
