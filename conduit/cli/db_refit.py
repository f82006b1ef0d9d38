"""``conduit db refit``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from conduit.cli.console import say, say_json
from conduit.cli.db_place import moving, place_of
from conduit.cli.logs import load_settings
from conduit.cli.options import Database, Json
from conduit.core.clocks import SystemClock
from conduit.engines.configured import actor_of
from conduit.engines.labelled import batches
from conduit.features.analyzer import Analyzer
from conduit.features.encoders.opening import open_encoder
from conduit.features.projection import load_projection
from conduit.settings import Settings
from conduit.stores.direct import opened
from conduit.stores.refit import Encoding, Refit, Refitting


def db_refit(
    *,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            metavar="NAME",
            help="Learn in the contexts of this encoder from now on; needs stored prompts.",
        ),
    ] = None,
    drop_unreadable: Annotated[
        bool,
        typer.Option(
            "--drop-unreadable", help="Let evidence go that cannot be rebuilt, such as old prompts."
        ),
    ] = False,
    database: Database = None,
    json: Json = False,
) -> None:
    """Rebuild what was learned from the log, while others go on serving.

    Feedback that comes meanwhile is kept and learned right afterwards; every
    process takes up the result by itself. A rebuild that is ended in the middle
    changes nothing. Without options the result is what was learned already, to
    nine digits.

      conduit db refit
      conduit db refit --encoder minilm

    --encoder needs the prompts, which are stored where CONDUIT_STORE_PROMPTS is
    on. Set CONDUIT_ENCODER to the same name and restart what serves.

    With --json: layout, version, decisions, observations, rewritten (decisions
    with new contexts), skipped (of another layout) and database.
    """
    settings = load_settings()
    with opened(place_of(settings, database)) as found, moving("Refit") as bar:
        done = Refitting(
            found,
            clock=SystemClock(),
            actor=actor_of(settings),
            encoding=None if encoder is None else _encoding(encoder, settings),
            drop_unreadable=drop_unreadable,
            progress=bar,
        ).run()
        place = found.address.place
    if json:
        say_json(asdict(done) | {"database": place})
    else:
        say(_sentence(done, place))


def _encoding(name: str, settings: Settings) -> Encoding:
    """The layout of an encoder, opened as a router opens it."""
    allowed = name != "auto" and not settings.offline
    encoder = open_encoder(name, cache_dir=settings.cache_dir, allow_download=allowed)
    analyzer = Analyzer(encoder, load_projection(encoder.name, encoder.dim))

    def contexts(texts: Sequence[str]) -> NDArray[np.float32]:
        parts = [analyzer.analyze_many(batch) for batch in batches(texts, lambda _: None)]
        return np.stack([features.context for part in parts for features in part])

    return Encoding(layout=analyzer.layout, dim=analyzer.dim, contexts=contexts)


def _sentence(done: Refit, place: str) -> str:
    said = (
        f"{place}: rebuilt from {done.observations:,} observations of {done.decisions:,} decisions"
    )
    if done.rewritten:
        said += f", {done.rewritten:,} of them encoded anew in {done.layout}"
    if done.skipped:
        said += f"; {done.skipped:,} decisions of another layout were left out"
    return said
