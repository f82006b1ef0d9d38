"""Which router file a provider's prompts are judged by: the user's own, else the one that ships.

Both are files of labelled queries (:mod:`conduit.stores.neighbours_file`: hashed, no pickle) in the
folder ``routers`` of the cache folder. ``trained.knn`` is what ``conduit train-router`` wrote. Where
there is none, or it knows nothing of a provider, the examples that ship with the package are taken,
encoded once per encoder. Columns are ids of models, or tiers.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from conduit.bandits.neighbours import NearestNeighbours
from conduit.core.errors import ConfigurationError, StoreError
from conduit.core.ports import Encoder
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines.labelled import fit_neighbours, open_neighbours
from conduit.features.encoders.verified_files import require_hash_of
from conduit.settings import Settings
from conduit.simple.loading import on_terminal
from conduit.simple.providers.family import Family, tier_names
from conduit.stores.neighbours_file import load_neighbours, save_neighbours

EXAMPLES = Path(__file__).parent / "data" / "default_router.jsonl"
"""Prompts made up for the purpose, and how well a model of each tier is thought to fit them, 0..1.

What is missing counts down, and a little what is not needed: plain questions fit the middle tier best.
"""
DIGEST = "c938faefa25401a314bbfbbb86fd236231411d13f1e20803bcbeee41132ae8b4"
"""SHA-256 of the examples."""

UNTRAINED = (
    "routing by the default router, whose labels are estimates that nobody measured; "
    "make your own with: conduit train-router DATA"
)
"""What is said when it is used."""

_log = logging.getLogger("conduit.simple")


def folder(settings: Settings) -> Path:
    """Where router files are."""
    return settings.cache_dir / "routers"


def trained_file(settings: Settings) -> Path:
    """The user's own router file, which need not be there."""
    return folder(settings) / "trained.knn"


def state_of(path: Path) -> tuple[int, int] | None:
    """What changes when a file is replaced; None where there is none.

    Raises:
        StoreError: for a file that must not be looked at.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be looked at ({error.strerror})", remedy="make it readable"
        ) from error
    return found.st_mtime_ns, found.st_size


def labelled_for(family: Family, encoder: Encoder, settings: Settings) -> NearestNeighbours:
    """The labelled queries that a provider's router judges by.

    Raises:
        StoreError: for a router file that cannot be read or whose hash does not match; nothing
            takes its place.
        LayoutMismatchError: for one that was made with another encoder.
        InvalidInputError: for one that has labels of some of the provider's models alone.
    """
    trained = trained_file(settings)
    if state_of(trained) is not None:
        try:
            found = load_neighbours(trained)
            if any(name in found.arms for arm in family.arms for name in (arm.id, arm.tier.value)):
                return _of_family(found, family, encoder)
        except StoreError as error:
            again = f"train it again, or delete {trained} to have the default router back"
            raise type(error)(error.problem, remedy=again) from error
    _say_untrained()
    return _of_family(_default(encoder, settings), family, encoder)


def _of_family(found: NearestNeighbours, family: Family, encoder: Encoder) -> NearestNeighbours:
    """Its columns under the ids of the provider's models: of the model itself, else of its tier."""
    columns = [
        arm.tier.value if arm.id not in found.arms and arm.tier.value in found.arms else arm.id
        for arm in family.arms
    ]
    labelled = open_neighbours(found, arms=columns, encoder=encoder.name)
    return replace(labelled, arms=tuple(arm.id for arm in family.arms))


def _default(encoder: Encoder, settings: Settings) -> NearestNeighbours:
    """The examples as that encoder sees them; encoded at first use, and kept."""
    seen_by = re.sub(r"[^A-Za-z0-9.]+", "-", encoder.name)
    path = folder(settings) / f"default-{seen_by}-{DIGEST[:12]}.knn"
    if state_of(path) is not None:
        try:
            return load_neighbours(path)
        except StoreError as error:
            raise StoreError(
                error.problem, remedy=f"delete {path}, and it is made again"
            ) from error
    made = fit_neighbours(examples(), encoder)
    try:
        save_neighbours(made, path)
    except StoreError as error:
        _log.warning("the default router is encoded anew by every process: %s", error.problem)
    return made


def examples(path: Path = EXAMPLES, *, digest: str = DIGEST) -> RecordedOutcomes:
    """The examples that ship with the package.

    Raises:
        StoreError: when they are not what was shipped.
    """
    try:
        data = require_hash_of(path.read_bytes(), digest, source=str(path))
    except (OSError, ConfigurationError) as error:
        raise StoreError(
            f"the default router cannot be used: {getattr(error, 'problem', error)}",
            remedy="install conduit-router anew",
        ) from error
    rows = [json.loads(line) for line in data.decode().splitlines()]
    quality = np.array([[row[tier] for tier in tier_names()] for row in rows])
    return RecordedOutcomes(
        name="default router",
        query_ids=tuple(str(number) for number in range(len(rows))),
        texts=tuple(row["prompt"] for row in rows),
        models=tier_names(),
        quality=quality,
        cost=np.zeros_like(quality),
    )


@cache
def _say_untrained() -> None:
    """Once per process."""
    _log.info(UNTRAINED)
    on_terminal(UNTRAINED)
