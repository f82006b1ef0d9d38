"""Models that are built in: they cost what their price says, need no key, and write what they are told.

For trying a server or a program out, and for tests of it. What they answer is worth nothing.
"""

from __future__ import annotations

import json

from conduit.core.arms import Arm, Price, Tier
from conduit.core.outcomes import ModelRequest
from conduit.providers.scripted import ScriptedProvider

OFFLINE_ARMS: tuple[Arm, ...] = (
    Arm(
        id="scripted-small",
        provider="offline",
        price=Price(input=0.1, output=0.4),
        tier=Tier.BUDGET,
    ),
    Arm(id="scripted-medium", provider="offline", price=Price(input=0.5, output=2.0)),
    Arm(
        id="scripted-large",
        provider="offline",
        price=Price(input=2.5, output=10.0),
        tier=Tier.PREMIUM,
    ),
)
"""A small one, a medium one and a large one, at prices such as are usual."""

_QUOTED = 200
"""Characters of a prompt that an answer repeats."""


def offline_client() -> ScriptedProvider:
    """The client that answers for :data:`OFFLINE_ARMS`, and for any other arm."""
    return ScriptedProvider(_answer, remember=False)


def _answer(request: ModelRequest) -> str:
    quoted = request.text.strip()[:_QUOTED]
    said = f"{request.arm.id} answers offline: {quoted}"
    return json.dumps({"answer": said}) if _wants_json(request) else said


def _wants_json(request: ModelRequest) -> bool:
    wanted = request.chat.options.get("response_format") if request.chat else None
    return isinstance(wanted, dict) and wanted.get("type") in {"json_object", "json_schema"}
