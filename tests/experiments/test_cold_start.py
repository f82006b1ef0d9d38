"""Comparing policies that ran on the same seeds."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.cold_start_rows import Result, lead


def results(gains: np.ndarray) -> list[Result]:
    return [(float(gain), 0.0, 0.0, 0.0, 0.0) for gain in gains]


def test_what_a_shuffle_does_to_both_is_no_doubt() -> None:
    """The error of a lead is that of differences per seed, less or more than of two separate runs."""
    rng = np.random.default_rng(0)
    shuffle, own = rng.normal(0, 0.1, 10), rng.normal(0, 0.001, 10)
    ahead, error = lead(results(shuffle + own + 0.02), results(shuffle))
    assert ahead == pytest.approx(0.02 + own.mean())
    assert error == pytest.approx(own.std(ddof=1) / np.sqrt(10))
    _, against = lead(results(shuffle), results(-shuffle))
    assert against == pytest.approx(2 * shuffle.std(ddof=1) / np.sqrt(10))
