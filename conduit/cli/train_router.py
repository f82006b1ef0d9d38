"""``conduit train-router``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from conduit.bandits.neighbours import NEIGHBOURS
from conduit.cli.console import say, say_json
from conduit.cli.labelled_file import encoding_bar
from conduit.cli.logs import load_settings
from conduit.cli.numbers import whole_number
from conduit.cli.options import Json
from conduit.datasets.files import load_outcomes
from conduit.engines.configured import encoder_of
from conduit.engines.labelled import fit_neighbours
from conduit.simple.providers.default_router import trained_file
from conduit.simple.providers.labels import by_model_or_tier, providers_of
from conduit.stores.neighbours_file import save_neighbours


def train_router(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Labelled outcomes: Parquet or JSON lines.")
    ],
    *,
    k: Annotated[
        int,
        typer.Option("--k", parser=whole_number, metavar="N", help="Nearest prompts per estimate."),
    ] = NEIGHBOURS,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="PATH", help="File to be written; default: the one that is used."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make the router of conduit.Provider from labelled outcomes of your own.

    DATA is what 'conduit fit-neighbours' takes: one row per prompt and model,
    with query_id, query_text, model, quality (0..1) and cost_usd. A model is
    one of those that 'conduit explore' lists, or a tier: labels by budget,
    balanced and premium serve all three providers.

      conduit train-router outcomes.jsonl
      conduit explore "A prompt of mine"

    It takes the place of the default router at once, in running programs too:
    routers/trained.knn in your cache folder (conduit config), read only when
    its SHA-256 is right, without prompts and without pickle. Delete the file to
    have the default back. The encoder is the one that is set. Whatever cannot
    be used is an error that writes nothing.

    With --json: data, out, digest, encoder, prompts, models, providers and k.
    """
    settings = load_settings()
    outcomes = by_model_or_tier(load_outcomes(data))
    with encoding_bar(len(outcomes)) as progress:
        found = fit_neighbours(outcomes, encoder_of(settings), k=k, progress=progress)
    place = trained_file(settings) if out is None else Path(out)
    digest = save_neighbours(found, place)
    providers = providers_of(found.arms)
    if json:
        said = {"data": data, "out": str(place), "digest": digest, "encoder": found.encoder}
        counted = {"prompts": len(found), "models": list(found.arms), "k": found.k}
        say_json({**said, **counted, "providers": list(providers)})
    else:
        say(f"{len(found):,} labelled prompts of {', '.join(found.arms)} in {place}")
        say(f"SHA-256 {digest}")
        say(f"routes for: {', '.join(providers)}")
        if out is not None:
            say(f"to be used it has to be {trained_file(settings)}")
