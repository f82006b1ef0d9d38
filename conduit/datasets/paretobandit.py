"""The recorded outcomes that ship inside the package ``paretobandit`` (Apache-2.0).

Three models answered 1,785 prompts (``val``) and 1,824 others (``test_holdout``), with judged
quality and billed cost; latency and tokens were not recorded. The package is found, never
imported: its files are data here.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.datasets.recorded import RecordedOutcomes

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLITS = ("val", "test_holdout")
"""The two disjoint sets of prompts."""


def load_paretobandit(split: str = "val") -> RecordedOutcomes:
    """Read one split; prompts in the order of the file, models by name.

    Args:
        split: one of :data:`SPLITS`.

    Raises:
        ConfigurationError: when the package or its file is not installed.
        InvalidInputError: for another split.
    """
    if split not in SPLITS:
        raise InvalidInputError(
            f"split={split!r} does not exist", remedy=f"choose one of: {', '.join(SPLITS)}"
        )
    text = _file(split).read_bytes().decode("utf-8")
    return parse_outcomes(text, name=f"paretobandit-{split}")


def parse_outcomes(text: str, *, name: str) -> RecordedOutcomes:
    r"""Outcomes from JSON lines of ``prompt``, ``source`` and ``arms{model: {reward, cost}}``.

    Lines end at ``\n`` only: prompts contain other Unicode line separators. Whatever else a line
    says about its prompt (difficulty, best arm, spreads) is not read; ``source`` becomes the
    category, for reports.

    Args:
        text: the lines.
        name: of the data set; query ids are made from it and the line number.

    Raises:
        InvalidInputError: naming the line that cannot be used.
    """
    rows = [_row(line, i) for i, line in enumerate(text.split("\n"), start=1) if line.strip()]
    models = tuple(sorted(rows[0]["arms"])) if rows else ()
    for row in rows:
        if row["arms"].keys() != set(models):
            raise InvalidInputError(
                f"line {row['line']} has the models {sorted(row['arms'])}",
                remedy=f"give every prompt the models of line 1: {', '.join(models)}",
            )
    return RecordedOutcomes(
        name=name,
        query_ids=tuple(f"{name}-{row['line']:05d}" for row in rows),
        texts=tuple(row["prompt"] for row in rows),
        models=models,
        quality=_matrix(rows, models, "reward"),
        cost=_matrix(rows, models, "cost"),
        categories=tuple(row["source"] for row in rows),
    )


def _file(split: str) -> Path:
    spec = find_spec("pareto_bandit")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        path = Path(folder, "data", "examples", f"{split}.jsonl")
        if path.is_file():
            return path
    raise ConfigurationError(
        "the package 'paretobandit' with its recorded outcomes is not installed",
        remedy="pip install 'conduit-router[experiments]'",
    )


def _row(line: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
        arms = {
            model: {key: float(outcome[key]) for key in ("reward", "cost")}
            for model, outcome in row["arms"].items()
        }
        prompt, source = row["prompt"], str(row.get("source", ""))
        if not isinstance(prompt, str):
            raise TypeError(f"prompt={prompt!r}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"line {number} is no recorded outcome ({type(error).__name__}: {error})",
            remedy="give prompt and arms{model: {reward, cost}}",
        ) from error
    return {"line": number, "prompt": prompt, "source": source, "arms": arms}


def _matrix(rows: list[dict[str, Any]], models: tuple[str, ...], key: str) -> NDArray[np.float64]:
    return np.array([[row["arms"][model][key] for model in models] for row in rows], np.float64)
