"""What is said once the program ends."""

from __future__ import annotations

from conduit.core.errors import ConduitError


def over() -> ConduitError:
    """What is said to who comes too late."""
    return ConduitError(
        "Conduit was closed, as the program ends",
        remedy="let the main program wait for its threads: join them, or leave their pool's with",
    )
