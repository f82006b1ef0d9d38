"""Recorded outcomes as a value: what it accepts, and how it is cut and turned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.core.errors import InvalidInputError, UnknownModelError
from conduit.datasets.recorded import RecordedOutcomes

N, K = 6, 3


def outcomes(**changes: Any) -> RecordedOutcomes:
    """Six prompts and three models; every number tells its row and column."""
    base = np.arange(N * K, dtype=float).reshape(N, K)
    fields: dict[str, Any] = {
        "name": "toy",
        "query_ids": tuple(f"q{i}" for i in range(N)),
        "texts": tuple(f"prompt {i}" for i in range(N)),
        "models": ("a", "b", "c"),
        "quality": base / 100,
        "cost": base / 1000,
        "latency": base / 10,
        "output_tokens": np.where(base % 2, base, np.nan),
        "categories": tuple("xyxyxy"),
    }
    return RecordedOutcomes(**{**fields, **changes})


def test_a_subset_moves_everything_together() -> None:
    """Each chosen prompt keeps its own text, category and outcomes."""
    full, part = outcomes(), outcomes().subset([4, 1])
    assert part.query_ids == ("q4", "q1")
    assert part.texts == ("prompt 4", "prompt 1")
    assert part.categories == (full.categories[4], full.categories[1])
    for name in ("quality", "cost", "latency", "output_tokens"):
        np.testing.assert_array_equal(getattr(part, name), getattr(full, name)[[4, 1]])
    assert part.input_tokens is None


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_shuffling_loses_and_invents_nothing(seed: int) -> None:
    """A shuffle is a permutation of whole rows, decided by the generator alone."""
    full = outcomes()
    one, two = (full.shuffled(np.random.default_rng(seed)) for _ in range(2))
    assert one.query_ids == two.query_ids
    back = one.subset([one.query_ids.index(query_id) for query_id in full.query_ids])
    assert back.texts == full.texts
    np.testing.assert_array_equal(back.quality, full.quality)
    np.testing.assert_array_equal(back.cost, full.cost)


@pytest.mark.parametrize(("limit", "prompts"), [(None, N), (1, 1), (4, 4), (N, N), (99, N)])
def test_a_limit_keeps_the_first_prompts(limit: int | None, prompts: int) -> None:
    """A limit never asks for more than there is, and None means all."""
    assert outcomes().limit(limit).query_ids == outcomes().query_ids[:prompts]
    assert len(outcomes().limit(limit)) == prompts


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_leaves_at_least_one_prompt(limit: int) -> None:
    """A limit below 1 is refused, naming it."""
    with pytest.raises(InvalidInputError, match=f"limit={limit}"):
        outcomes().limit(limit)


def test_selecting_models_moves_columns_together() -> None:
    """Chosen models come in the order asked for, with their own outcomes."""
    full, part = outcomes(), outcomes().select(["c", "a"])
    assert part.models == ("c", "a")
    np.testing.assert_array_equal(part.quality, full.quality[:, [2, 0]])
    np.testing.assert_array_equal(part.output_tokens, full.output_tokens[:, [2, 0]])
    assert part.texts == full.texts


def test_only_recorded_models_can_be_selected() -> None:
    """An unknown model is named, with those there are."""
    with pytest.raises(UnknownModelError, match=r"'d'.*a, b, c"):
        outcomes().select(["a", "d"])


@pytest.mark.parametrize("models", [[], ["a", "a"]])
def test_a_selection_is_a_set_of_at_least_one(models: list[str]) -> None:
    """No model, or one twice, is refused."""
    with pytest.raises(InvalidInputError):
        outcomes().select(models)


def test_a_subset_is_a_set_of_at_least_one() -> None:
    """No prompt, or one twice, is refused."""
    with pytest.raises(InvalidInputError, match="query_id"):
        outcomes().subset([])
    with pytest.raises(InvalidInputError, match="'q2' occurs 2 times"):
        outcomes().subset([2, 2])


def test_outcomes_cannot_be_changed_afterwards() -> None:
    """The matrices are read-only copies: neither the owner nor the source of a value changes it."""
    source = np.zeros((N, K))
    frozen = outcomes(quality=source)
    source[0, 0] = 1.0
    assert frozen.quality[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        frozen.quality[0, 0] = 1.0


@pytest.mark.parametrize("name", ["latency", "input_tokens", "output_tokens"])
def test_the_unknown_stays_unknown(name: str) -> None:
    """NaN latency and tokens stay NaN; they are not filled."""
    values = np.full((N, K), np.nan)
    values[2, 1] = 5.0
    np.testing.assert_array_equal(getattr(outcomes(**{name: values}), name), values)


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("quality", "quality", -0.1),
        ("quality", "quality", 1.1),
        ("quality", "quality", math.nan),
        ("cost", "cost_usd", -1e-6),
        ("cost", "cost_usd", math.nan),
        ("cost", "cost_usd", math.inf),
        ("latency", "latency_s", -1.0),
        ("latency", "latency_s", math.inf),
        ("output_tokens", "output_tokens", -1.0),
    ],
)
def test_a_bad_outcome_is_named_by_column_query_and_model(
    name: str, column: str, value: float
) -> None:
    """The first value out of range is reported with its place, in one line."""
    values = np.full((N, K), 0.5)
    values[3, 1] = value
    with pytest.raises(InvalidInputError) as caught:
        outcomes(**{name: values})
    assert str(caught.value).startswith(f"{column}={value} of query 'q3' and model 'b'; give")


@pytest.mark.parametrize(
    "changes",
    [
        {"texts": ("only one",)},
        {"categories": ("only one",)},
        {"quality": np.zeros((N, K + 1))},
        {"models": ("a", "b", "a")},
        {"query_ids": ("q0",) * N},
        {"texts": ("prompt", " \n") * (N // 2)},
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    """Lengths that differ, names that repeat and empty prompts are input errors."""
    with pytest.raises(InvalidInputError) as caught:
        outcomes(**changes)
    assert caught.value.remedy
