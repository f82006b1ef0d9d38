"""Symmetric matrices by one half."""

from __future__ import annotations

import numpy as np
import pytest

from conduit.stores.halves import from_upper_half, upper_half


@pytest.mark.parametrize("dim", [1, 2, 7, 64])
def test_a_symmetric_matrix_is_what_its_half_says(dim: int) -> None:
    """To the last bit, and the half has no number that the other half has, too."""
    X = np.random.default_rng(dim).normal(size=(dim, dim))
    A = X + X.T
    half = upper_half(A)
    assert half.shape == (dim * (dim + 1) // 2,)
    np.testing.assert_array_equal(from_upper_half(half, dim), A)


def test_a_half_is_read_row_by_row_from_the_diagonal_on() -> None:
    """As it is stored: files and databases of every version have that order."""
    np.testing.assert_array_equal(
        from_upper_half(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 3),
        [[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]],
    )
