"""How long PostgreSQL may take for a statement, with what it waits for there, such as a lock.

The server gives a statement up by itself. One that is there and says nothing, as a machine that was
stopped, does not; then its connection is given up here, after twice that time. Keepalives and
``tcp_user_timeout`` do not see that: the system below such a server goes on answering them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine, event, text

ANSWER_SECONDS = 30.0
"""How long a store's statement may take on a server."""

_BOUND = "conduit_bound"
_BOUNDED = (  # whoever bounded this role, this database or this connection knows better
    "SELECT set_config('statement_timeout', '{ms}', {local})"
    " WHERE current_setting('statement_timeout') = '0'"
)
_IN_FORCE = "SELECT extract(epoch FROM current_setting('statement_timeout')::interval)"
_LONGEST_MS = 2**31 - 1
_WAIT = "wait"

Steps: TypeAlias = Generator[Any, Any, Any]
"""What psycopg does on a connection, between two waits for its socket."""


def bound_statements(engine: Engine, timeout: float, *, pooled: bool) -> None:
    """Have statements given up, also those that only wait for a lock.

    The server is told after connecting, as poolers refuse a connection that asks for it; behind one
    that hands every transaction another connection, it is told in each (:func:`bound_transaction`).

    Args:
        engine: connected to a server by psycopg.
        timeout: seconds until the server gives up.
        pooled: whether every transaction may have another connection of the server.
    """
    ms = min(max(1, round(timeout * 1000)), _LONGEST_MS)
    if pooled:
        engine.update_execution_options(**{_BOUND: _BOUNDED.format(ms=ms, local="true")})
    late: Callable[[str], Exception] = engine.dialect.loaded_dbapi.errors.QueryCanceled

    def connected(connection: Any, _record: Any) -> None:
        wait, seconds = connection.wait, 2 * timeout

        def patient(steps: Steps, *given: Any, **named: Any) -> Any:
            return wait(_bounded(steps, connection, seconds, late), *given, **named)

        vars(connection)[_WAIT] = patient
        if not pooled:
            connection.execute(_BOUNDED.format(ms=ms, local="false"))
        (in_force,) = connection.execute(_IN_FORCE).fetchone()
        connection.commit()  # what was set is undone with the first transaction otherwise
        seconds = 2 * (float(in_force) or timeout)

    event.listen(engine, "connect", connected)


def bound_transaction(conn: Connection) -> None:
    """Bound the statements of a transaction where that cannot be said of its connection."""
    said = conn.engine.get_execution_options().get(_BOUND)
    if said is not None:
        conn.exec_driver_sql(said)


def unbound(conn: Connection) -> None:
    """Let the rest of a transaction take as long as it takes; its connection is not used again."""
    conn.execute(text("SET LOCAL statement_timeout = 0"))
    vars(conn.connection.driver_connection).pop(_WAIT, None)
    conn.detach()


def _bounded(
    steps: Steps, connection: Any, seconds: float, late: Callable[[str], Exception]
) -> Steps:
    """The same steps, as long as an answer comes in time; they are woken ten times a second."""
    ends = time.monotonic() + seconds
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > ends:
                connection.close()
                raise late("the server does not answer")
            wanted = steps.send(ready)
    except StopIteration as done:
        return done.value
