"""Small data sets and checks that the tests of the demo share."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from .conftest import Ran

MODELS = ("google/gemini-2.5-pro", "mistralai/mistral-large-2512")
KEYS = {
    "prompts",
    "policy",
    "quality",
    "spend_usd",
    "saved_usd",
    "saved_pct",
    "mixture_quality_at_same_spend",
    "baselines",
    "shares",
    "observations",
    "seconds",
    "database",
    "picture",
    "in_sample",
}
TIMES_AND_PLACES = {"seconds", "database", "picture"}


def write_parquet(
    path: Path,
    *,
    prompts: int = 30,
    labels: int = 0,
    latency: bool = False,
    seed: int = 5,
    models: tuple[str, ...] = MODELS,
) -> Path:
    """A file in the long schema; ``labels`` permutes the categories and nothing else."""
    rng = np.random.default_rng(seed)
    order = np.random.default_rng(labels).permutation(prompts)
    rows = [
        {
            "dataset": "made",
            "query_id": f"q{i}",
            "query_text": f"question {i}: how many words have {i % 5} letters?",
            "category": f"category-{order[i]}",
            "model": model,
            "quality": rng.uniform(),
            "input_tokens": None,
            "output_tokens": None,
            "cost_usd": rng.uniform(1e-5, 1e-2),
            "latency_s": rng.uniform(0.5, 3.0) if latency else None,
        }
        for i in range(prompts)
        for model in models
    ]
    pd.DataFrame(rows).to_parquet(path)
    return path


def figures(ran: Ran) -> dict[str, object]:
    """The JSON of a run that went well, without what no two runs share."""
    assert ran.code == 0, ran.err
    return {key: value for key, value in ran.json.items() if key not in TIMES_AND_PLACES}


def strict(text: str) -> object:
    """JSON in which NaN and infinity are errors, as they are outside Python."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)
