"""SPROUT (Somerstep et al. 2025, arXiv:2502.03261): thirteen models of 2024 on some 44,000 prompts.

Quality is a judge's score. The original records tokens, not money: cost is tokens at a price list,
by default the one on the authors' own page.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.arms import Price
from conduit.core.errors import InvalidInputError, UnknownPriceError
from conduit.datasets.complete import Columns, complete_outcomes
from conduit.datasets.hub import Hub, parquet_files
from conduit.datasets.recorded import RecordedOutcomes

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

REPOSITORY = "CARROT-LLM-Routing/SPROUT"
SPLITS = ("train", "validation", "test")
PRICES: Mapping[str, Price] = MappingProxyType(
    {
        "aws-claude-3-5-sonnet-v1": Price(input=3.0, output=15.0),
        "aws-titan-text-premier-v1": Price(input=0.5, output=1.5),
        "openai-gpt-4o": Price(input=2.5, output=10.0),
        "openai-gpt-4o-mini": Price(input=0.15, output=0.6),
        "wxai-granite-3-2b-instruct-8k-max-tokens": Price(input=0.1, output=0.1),
        "wxai-granite-3-8b-instruct-8k-max-tokens": Price(input=0.2, output=0.2),
        "wxai-llama-3-1-70b-instruct": Price(input=0.9, output=0.9),
        "wxai-llama-3-1-8b-instruct": Price(input=0.2, output=0.2),
        "wxai-llama-3-2-1b-instruct": Price(input=0.06, output=0.06),
        "wxai-llama-3-2-3b-instruct": Price(input=0.06, output=0.06),
        "wxai-llama-3-3-70b-instruct": Price(input=0.9, output=0.9),
        "wxai-llama-3-405b-instruct": Price(input=3.5, output=3.5),
        "wxai-mixtral-8x7b-instruct-v01": Price(input=0.6, output=0.6),
    }
)
"""USD per million tokens."""

_LABELS = ("key", "dataset", "dataset_level", "dataset_idx", "prompt", "golden_answer")
_FIELDS = ("score", "num_input_tokens", "num_output_tokens")


def load_sprout(
    hub: Hub, *, split: str = "train", prices: Mapping[str, Price] = PRICES
) -> RecordedOutcomes:
    """Fetch and read one split.

    Args:
        hub: where it is.
        split: one of :data:`SPLITS`.
        prices: by model.

    Raises:
        InvalidInputError: for another split, or a table of another shape.
        UnknownPriceError: for a model without a price.
        ConfigurationError: when it cannot be fetched.
    """
    if split not in SPLITS:
        raise InvalidInputError(
            f"split={split!r} does not exist", remedy=f"choose one of: {', '.join(SPLITS)}"
        )
    paths = parquet_files(hub, REPOSITORY, split)
    import pandas as pd  # noqa: PLC0415  # heavy, and in an extra

    table = pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
    return parse_sprout(table, name=f"sprout-{split}", prices=prices)


def parse_sprout(
    table: pd.DataFrame, *, name: str, prices: Mapping[str, Price] = PRICES
) -> RecordedOutcomes:
    """Outcomes from the table: a row per prompt, a column of structures per model.

    Args:
        table: with ``prompt``, ``dataset`` and, per model, ``score``, ``num_input_tokens`` and
            ``num_output_tokens``.
        name: of the data set; query ids are made from it and the row number.
        prices: by model.

    Raises:
        InvalidInputError: for a table without these columns, or values out of range.
        UnknownPriceError: for a model without a price.
    """
    models = tuple(sorted(column for column in table.columns if column not in _LABELS))
    missing = [c for c in ("prompt", "dataset") if c not in table.columns]
    if missing or not models:
        raise InvalidInputError(
            f"column {(missing or ['MODEL'])[0]!r} is missing", remedy="give SPROUT's own table"
        )
    for model in models:
        if model not in prices:
            raise UnknownPriceError(model)
    score, given, answered = (
        np.column_stack([_values(table[model].tolist(), field) for model in models])
        for field in _FIELDS
    )
    rates = np.array([(prices[model].input, prices[model].output) for model in models])
    return complete_outcomes(
        Columns(
            texts=[str(prompt) for prompt in table["prompt"].tolist()],
            categories=[str(label) for label in table["dataset"].tolist()],
            quality=score,
            cost=(given * rates[:, 0] + answered * rates[:, 1]) / 1e6,
            input_tokens=given,
            output_tokens=answered,
        ),
        models=models,
        name=name,
    )


def _values(cells: list[object], field: str) -> NDArray[np.float64]:
    """One number of every structure; NaN where there is none."""
    found = [cell.get(field) if isinstance(cell, dict) else None for cell in cells]
    return np.array([np.nan if value is None else float(value) for value in found])
