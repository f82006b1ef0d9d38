"""Public data sets by name, fetched from the hub by those who are online."""

from __future__ import annotations

from pathlib import Path

from conduit.core.errors import InvalidInputError
from conduit.datasets.hub import Hub, HuggingFaceHub
from conduit.datasets.recorded import RecordedOutcomes
from conduit.datasets.routerarena import load_routerarena
from conduit.datasets.routerbench import load_routerbench
from conduit.datasets.sprout import load_sprout

ORIGINALS = ("routerbench", "sprout", "routerarena")
"""Names that :func:`load_original` answers to."""


def load_original(
    name: str,
    *,
    split: str | None = None,
    results: str | Path | None = None,
    hub: Hub | None = None,
) -> RecordedOutcomes:
    """Fetch a public data set and turn it into recorded outcomes.

    Prompts that not every model answered are left out, and their number is logged. Each module
    says what its data set holds; look up the terms of use on the hub.

    Args:
        name: one of :data:`ORIGINALS`.
        split: of the original; None takes the main one.
        results: for ``routerarena``, the folder with what models answered.
        hub: None takes the public one.

    Raises:
        InvalidInputError: for another name or split, or data of another shape.
        ConfigurationError: when it cannot be fetched, or a library is missing.
    """
    hub = hub or HuggingFaceHub()
    match name:
        case "routerbench":
            return load_routerbench(hub, split=split or "0shot")
        case "sprout":
            return load_sprout(hub, split=split or "train")
        case "routerarena":
            return load_routerarena(hub, results=results, split=split or "full")
    raise InvalidInputError(
        f"no data set {name!r}", remedy=f"choose one of: {', '.join(ORIGINALS)}"
    )
