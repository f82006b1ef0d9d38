"""Small worlds for tests of the engine."""

from __future__ import annotations

from typing import Any

import numpy as np

from conduit.bandits.neighbours import NearestNeighbours
from conduit.core.arms import Arm, Price
from conduit.core.ports import ModelClient, Store
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines.labelled import fit_neighbours
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


def labelled_outcomes(*models: str) -> RecordedOutcomes:
    """Verse that the first model is good at and code that the last one is, five times each."""
    texts = tuple(f"{prompt} {'!' * turn}" for prompt in (*VERSE, *CODE) for turn in range(5))
    good = np.linspace(0.9, 0.1, len(models))
    quality = np.array([good] * 5 * len(VERSE) + [good[::-1]] * 5 * len(CODE))
    return RecordedOutcomes(
        name="verse and code",
        query_ids=tuple(f"q{i}" for i in range(len(texts))),
        texts=texts,
        models=models,
        quality=quality,
        cost=np.full(quality.shape, 1e-3),
    )


def labelled_queries(*models: str) -> NearestNeighbours:
    """The same, ready for the policy knn."""
    return fit_neighbours(labelled_outcomes(*models), HashingEncoder())


def router_of(
    *arms: Arm,
    client: ModelClient | None = None,
    store: Store | None = None,
    kind: type[Router] = Router,
    **options: Any,
) -> Router:
    """A router over scripted models that reads no environment and knows nobody's weights.

    It asks every model once, unless it is given other settings.
    """
    return kind(
        arms or (CHEAP, DEAR),
        client=client or ScriptedProvider(),
        store=store,
        **(
            {"encoder": HashingEncoder(), "settings": Settings(num_retries=0, app_retries=0)}
            | options
        ),
    )
