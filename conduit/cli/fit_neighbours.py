"""``conduit fit-neighbours``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from conduit.bandits.neighbours import NEIGHBOURS
from conduit.cli.console import say, say_json
from conduit.cli.labelled_file import encoding_bar, matched
from conduit.cli.logs import load_settings
from conduit.cli.numbers import whole_number
from conduit.cli.options import Json
from conduit.datasets.files import load_outcomes
from conduit.engines.configured import catalog_of, encoder_of
from conduit.engines.labelled import fit_neighbours as fit
from conduit.stores.neighbours_file import save_neighbours


def fit_neighbours(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Labelled outcomes: Parquet or JSON lines.")
    ],
    *,
    out: Annotated[
        str, typer.Option("--out", metavar="PATH", help="File of labelled queries to be written.")
    ],
    k: Annotated[
        int,
        typer.Option("--k", parser=whole_number, metavar="N", help="Nearest queries per estimate."),
    ] = NEIGHBOURS,
    json: Json = False,
) -> None:
    """Encode labelled queries for the policy knn, which judges by the nearest of them.

    FILE is what 'conduit warm-start' takes: one row per prompt and model, with
    query_id, query_text, model, quality (0..1) and cost_usd. What is written
    holds embeddings and labels, no prompt and no pickle, and is read only when
    its SHA-256 is right.

      conduit fit-neighbours outcomes.parquet --out outcomes.knn
      export CONDUIT_NEIGHBOURS=outcomes.knn
      conduit route "What is 2+2?" --policy knn

    The labels must cover every model that is routed among, and the encoder is
    the one that is set (conduit config). Nothing is learned: ratings do not
    change what knn expects. Whatever cannot be used is an error that writes
    nothing.

    With --json: file, out, digest, encoder, prompts, models and k.
    """
    settings = load_settings()
    _, outcomes = matched(load_outcomes(file), catalog_of(settings))
    with encoding_bar(len(outcomes)) as progress:
        found = fit(outcomes, encoder_of(settings), k=k, progress=progress)
    digest = save_neighbours(found, Path(out))
    if json:
        said = {"file": file, "out": out, "digest": digest, "encoder": found.encoder}
        say_json({**said, "prompts": len(found), "models": list(found.arms), "k": found.k})
    else:
        say(f"{len(found):,} labelled queries of {', '.join(found.arms)} in {out}")
        say(f"SHA-256 {digest}")
        say(f"to route by them: CONDUIT_NEIGHBOURS={out} conduit route --policy knn")
