"""Small worlds for tests of the engine."""

from __future__ import annotations

from typing import Any

from conduit.core.arms import Arm, Price
from conduit.core.ports import ModelClient, Store
from conduit.engines.router import Router
from conduit.features.encoders.hashing import HashingEncoder
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings

CHEAP = Arm(id="cheap", provider="local", price=Price(input=0.1, output=0.4))
DEAR = Arm(id="dear", provider="other", price=Price(input=3.0, output=15.0))
EQUAL = tuple(
    Arm(id=name, provider="local", price=Price(input=1, output=2)) for name in ("poet", "coder")
)

VERSE = ("autumn ballad", "moonlit sonnet", "harbour ode", "winter elegy", "river haiku")
CODE = (
    "def parse(line):",
    "class Stack:",
    "SELECT name FROM users;",
    "while True: break",
    "x += 1",
)


def router_of(
    *arms: Arm,
    client: ModelClient | None = None,
    store: Store | None = None,
    **options: Any,
) -> Router:
    """A router over scripted models that reads no environment and knows nobody's weights."""
    return Router(
        arms or (CHEAP, DEAR),
        client=client or ScriptedProvider(),
        store=store,
        encoder=HashingEncoder(),
        settings=Settings(),
        **options,
    )
