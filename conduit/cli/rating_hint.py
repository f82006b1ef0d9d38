"""How to say what one thought of an answer."""

from __future__ import annotations

import shlex


def rating_hint(decision_id: str, *, database: str | None) -> str:
    """The command that rates a decision, in the database it was made with."""
    command = f"rate it: conduit feedback {decision_id} --rating 1..5"
    return command if database is None else f"{command} --database {shlex.quote(database)}"
