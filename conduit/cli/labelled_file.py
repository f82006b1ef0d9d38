"""Labelled outcomes in a file, as commands take them: matched with the catalogue, encoded visibly."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from conduit.catalog import Catalog
from conduit.cli.console import note
from conduit.core.arms import Arm
from conduit.core.errors import InvalidInputError, UnknownModelError
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines import labelled


def matched(outcomes: RecordedOutcomes, catalog: Catalog) -> tuple[Sequence[Arm], RecordedOutcomes]:
    """The models of the file and of the catalogue, and the outcomes under the models' own ids."""
    found: dict[str, Arm] = {}
    for name in outcomes.models:
        try:
            found[name] = catalog.find(name)
        except UnknownModelError:
            continue
    unknown = [name for name in outcomes.models if name not in found]
    if unknown:
        raise InvalidInputError(
            f"unknown models {', '.join(map(repr, unknown))}",
            remedy="name them as 'conduit models --all' does, or add them to models/registry.yaml",
        )
    ids = tuple(arm.id for arm in found.values())
    unused = sorted(set(ids) - {arm.id for arm in catalog.arms})
    if unused:
        note(f"warning: not chosen from by 'conduit route' as it is set up: {', '.join(unused)}")
    arms = {arm.id: arm for arm in (*catalog.arms, *found.values())}
    return tuple(arms.values()), replace(outcomes, models=ids)


@contextmanager
def encoding_bar(prompts: int) -> Iterator[labelled.Progress]:
    """A bar on a terminal; elsewhere one line says that it has begun."""
    if not sys.stderr.isatty():
        yield _beginning(f"Encoding {prompts:,} prompts …")
        return
    columns = TextColumn("Encoding"), BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=prompts)
        yield lambda more: bar.advance(task, more)


def _beginning(text: str) -> labelled.Progress:
    """Notes the text the first time that it is told of progress."""
    told = False

    def progress(_: int) -> None:
        nonlocal told
        if not told:
            note(text)
        told = True

    return progress
