"""RouterBench (Hu et al. 2024, arXiv:2403.12031): eleven models of 2023 on some 36,500 prompts.

The original is a pickled table, and a pickle can run anything: only files whose SHA-256 is pinned
here are opened. Quality is the benchmark's own score, cost is the original's estimate in USD.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from hashlib import file_digest
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.datasets.complete import Columns, complete_outcomes
from conduit.datasets.hub import Hub
from conduit.datasets.recorded import RecordedOutcomes

if TYPE_CHECKING:
    import pandas as pd

REPOSITORY = "withmartian/routerbench"
SHA256: Mapping[str, str] = MappingProxyType(
    {
        "0shot": "ba4f77f19517610a707c374e99322d7750c30fc4ae7ff5527888595a1e65d36d",
        "5shot": "fbd7d3d16fba2759a18fa0ad44409d3e0e92ba80d03d90827eed1a6d084c9ffe",
    }
)
"""Per split, what the file must hold."""

_COST = "|total_cost"


def load_routerbench(
    hub: Hub, *, split: str = "0shot", digests: Mapping[str, str] = SHA256
) -> RecordedOutcomes:
    """Fetch, verify and read one split.

    Args:
        hub: where it is.
        split: ``0shot`` or ``5shot``.
        digests: per split, what the file must hold.

    Raises:
        InvalidInputError: for another split, or a table of another shape.
        ConfigurationError: for a file that is not the pinned one, or cannot be fetched.
    """
    if split not in digests:
        raise InvalidInputError(
            f"split={split!r} does not exist", remedy=f"choose one of: {', '.join(digests)}"
        )
    path = hub.fetch(REPOSITORY, f"routerbench_{split}.pkl")
    with path.open("rb") as file:
        found = file_digest(file, "sha256").hexdigest()
    if found != digests[split]:
        raise ConfigurationError(
            f"{path.name} has SHA-256 {found}, not {digests[split]}: it is not opened",
            remedy="delete it from the hub's cache, and fetch it again",
        )
    import pandas as pd  # noqa: PLC0415  # heavy, and in an extra

    table = pd.read_pickle(path)  # noqa: S301 - the bytes are the pinned ones
    return parse_routerbench(table, name=f"routerbench-{split}")


def parse_routerbench(table: pd.DataFrame, *, name: str) -> RecordedOutcomes:
    """Outcomes from the wide table: a row per prompt; per model a score and ``MODEL|total_cost``.

    Args:
        table: with ``prompt`` (a list of turns, or its text), ``eval_name`` and the models.
        name: of the data set; query ids are made from it and the row number.

    Raises:
        InvalidInputError: for a table without these columns, or values out of range.
    """
    models = tuple(sorted(c.removesuffix(_COST) for c in table.columns if c.endswith(_COST)))
    missing = [c for c in ("prompt", "eval_name", *models) if c not in table.columns]
    if missing or not models:
        raise InvalidInputError(
            f"column {(missing or ['MODEL' + _COST])[0]!r} is missing",
            remedy="give RouterBench's own table",
        )
    numbers = {c: table[c].to_numpy(np.float64, na_value=np.nan) for c in models}
    costs = {c: table[c + _COST].to_numpy(np.float64, na_value=np.nan) for c in models}
    return complete_outcomes(
        Columns(
            texts=[_text(prompt) for prompt in table["prompt"].tolist()],
            categories=[str(label) for label in table["eval_name"].tolist()],
            quality=np.column_stack([numbers[model] for model in models]),
            cost=np.column_stack([costs[model] for model in models]),
        ),
        models=models,
        name=name,
    )


def _text(prompt: object) -> str:
    """The turns of a prompt as one text; the original stores lists, mostly written as text."""
    turns = prompt
    if isinstance(prompt, str) and prompt.lstrip().startswith("["):
        try:
            turns = ast.literal_eval(prompt)
        except (ValueError, SyntaxError):
            return prompt
    return "\n\n".join(map(str, turns)) if isinstance(turns, list | tuple) else str(prompt)
