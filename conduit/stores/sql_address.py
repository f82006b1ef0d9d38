"""Where a database is: a path or a URL, read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from conduit.core.errors import ConfigurationError

_SQLITE = "sqlite"
_POSTGRES = "postgresql+psycopg"
_DRIVERS = {
    "sqlite": _SQLITE,
    "sqlite+aiosqlite": _SQLITE,
    "sqlite+pysqlite": _SQLITE,
    "postgres": _POSTGRES,
    "postgresql": _POSTGRES,
    "postgresql+psycopg": _POSTGRES,
}

POOLER_PORTS = (6432, 6543)
"""PgBouncer's, and that of Supabase's transaction mode."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is; ``file`` is None for a server or a SQLite URI."""

    url: URL
    file: Path | None

    @property
    def place(self) -> str:
        """What to call it in a message: without its password, and without a query, which may hold one."""
        if self.file:
            return str(self.file)
        shown = self.url.set(drivername=self.url.get_backend_name(), query={})
        return shown.render_as_string(hide_password=True) + ("?***" if self.url.query else "")

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this machine."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def threads(self) -> int:
        """How many reads, and writes that are not shared, may run side by side."""
        return 1 if self.is_sqlite else 4

    @property
    def is_pooled(self) -> bool:
        """Whether a pooler hands every transaction another connection: known by its port."""
        return self.url.port in POOLER_PORTS


def parse_address(where: str | Path) -> Address:
    """Read a path or a URL.

    Raises:
        ConfigurationError: for a placeholder, a kind of database that is not supported, one that
            no other connection could see, or a password that is not escaped.
    """
    if "://" not in str(where):
        return _sqlite_address(URL.create(_SQLITE, database=str(expanded(where))))
    if "[password]" in str(where):
        raise ConfigurationError(
            "DATABASE_URL still contains the placeholder [password]",
            remedy="put the database's password in its place",
        )
    try:
        url = _decoded(make_url(str(where)))
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "the database's address cannot be read",
            remedy="write postgresql://user:password@host:5432/name, or the path of a file",
        ) from None
    if url.drivername not in _DRIVERS:
        raise ConfigurationError(
            f"databases of kind {url.drivername!r} are not supported",
            remedy="give a postgresql:// or sqlite:/// address, or the path of a file",
        )
    url = url.set(drivername=_DRIVERS[url.drivername])
    if "@" in (url.host or "") or ("@" in (url.database or "") and url.password is not None):
        raise ConfigurationError(
            "the database's address holds more than one @",
            remedy="write an @ of its password as %40, a / as %2F and a ? as %3F",
        )
    return _sqlite_address(url) if url.get_backend_name() == "sqlite" else Address(url, None)


def expanded(path: str | Path) -> Path:
    """A path with the home folder that its ``~`` means.

    Raises:
        ConfigurationError: for a user who has none here.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigurationError(
            f"{str(path)!r} begins with a user whose home folder is unknown",
            remedy="write the whole path",
        ) from None


def _decoded(url: URL) -> URL:
    """SQLAlchemy decodes all of an address but the name of a file; SQLite does so for a URI."""
    file = url.database or ""
    if url.get_backend_name() != _SQLITE or file.startswith("file:"):
        return url
    return url.set(database=unquote(file))


def _sqlite_address(url: URL) -> Address:
    name = url.database or ""
    if name in {"", ":memory:", "."}:
        raise ConfigurationError(
            f"a database at {name!r} would vanish at once",
            remedy="give the path of a file, or use MemoryStore",
        )
    return Address(url, None if name.startswith("file:") else Path(name))
