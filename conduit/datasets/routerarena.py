"""RouterArena (Lu et al. 2025, arXiv:2510.00202): some 8,400 prompts; answers of models apart.

The hub holds the prompts. What models made of them lies in the folder ``cached_results`` of the
project's repository, a file of JSON lines per model. Its authors ask that routers are evaluated
on these prompts and never fitted to them.
"""

from __future__ import annotations

import json
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import numpy as np

from conduit.core.errors import InvalidInputError
from conduit.datasets.complete import Columns, complete_outcomes
from conduit.datasets.hub import Hub, parquet_files
from conduit.datasets.recorded import RecordedOutcomes

if TYPE_CHECKING:
    import pandas as pd

REPOSITORY = "RouteWorks/RouterArena"
_INDEX, _QUESTION, _LABEL = "Global Index", "Question", "Dataset name"


def load_routerarena(
    hub: Hub, *, results: str | Path | None, split: str = "full"
) -> RecordedOutcomes:
    """Fetch the prompts of one split, and join them with what models made of them.

    Args:
        hub: where the prompts are.
        results: the folder with ``MODEL.jsonl``.
        split: ``full`` or ``sub_10``.

    Raises:
        InvalidInputError: without a folder of results, or for files of another shape.
        ConfigurationError: when the prompts cannot be fetched.
    """
    files = sorted(Path(results).glob("*.jsonl")) if results is not None else []
    if not files:
        raise InvalidInputError(
            f"results={results!r} holds no answers of models (MODEL.jsonl)",
            remedy=f"give the folder cached_results of a checkout of github.com/{REPOSITORY}",
        )
    paths = parquet_files(hub, REPOSITORY, split)
    import pandas as pd  # noqa: PLC0415  # heavy, and in an extra

    table = pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
    answers = {path.stem: path.read_text(encoding="utf-8") for path in files}
    return parse_routerarena(table, answers, name=f"routerarena-{split}")


def parse_routerarena(
    table: pd.DataFrame, answers: dict[str, str], *, name: str
) -> RecordedOutcomes:
    """Outcomes from the table of prompts and the lines of every model.

    Args:
        table: with ``Global Index``, ``Question``, ``Dataset name`` and, where a prompt has them,
            ``Context`` and ``Options``.
        answers: per model JSON lines of ``global_index`` and ``evaluation_result`` with ``score``
            and ``inference_cost`` (USD).
        name: of the data set; query ids are made from it and the row number.

    Raises:
        InvalidInputError: for a table or a line of another shape, or values out of range.
    """
    missing = [c for c in (_INDEX, _QUESTION, _LABEL) if c not in table.columns]
    if missing:
        raise InvalidInputError(
            f"column {missing[0]!r} is missing", remedy="give RouterArena's own table"
        )
    rows = [dict(zip(map(str, table), row, strict=True)) for row in table.itertuples(index=False)]
    models = tuple(sorted(answers))
    judged = [_judged(answers[model], model) for model in models]
    nothing = (np.nan, np.nan)
    found = np.array([[one.get(str(row[_INDEX]), nothing) for one in judged] for row in rows])
    return complete_outcomes(
        Columns(
            texts=[_prompt(row) for row in rows],
            categories=[str(row[_LABEL]) for row in rows],
            quality=found[:, :, 0],
            cost=found[:, :, 1],
        ),
        models=models,
        name=name,
    )


def _judged(text: str, model: str) -> dict[str, tuple[float, float]]:
    """Score and cost by global index."""
    found = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            result = row["evaluation_result"] or {}
            score, cost = result.get("score"), result.get("inference_cost")
            if score is not None and cost is not None:
                found[str(row["global_index"])] = float(score), float(cost)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInputError(
                f"line {number} of {model!r} is no judged answer ({type(error).__name__}: {error})",
                remedy="give global_index and evaluation_result{score, inference_cost}",
            ) from error
    return found


def _prompt(row: dict[str, Any]) -> str:
    """Context, question and options, as far as there are any.

    Raises:
        InvalidInputError: for options that are no JSON.
    """
    options = row.get("Options")
    if isinstance(options, str) and options.strip():
        try:
            options = json.loads(options)
        except ValueError as error:
            raise InvalidInputError(
                f"Options of {row[_INDEX]} are no JSON ({error})",
                remedy="give RouterArena's own table",
            ) from error
    listed = [] if options is None or isinstance(options, float) else list(options)
    letters = zip(ascii_uppercase, listed, strict=False)
    parts = [row.get("Context"), row[_QUESTION], "\n".join(f"{a}. {text}" for a, text in letters)]
    return "\n\n".join(part for part in parts if isinstance(part, str) and part.strip())
