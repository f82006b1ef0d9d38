"""Symmetric matrices by one half of them, which is all that is stored."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def upper_half(A: NDArray[np.float64]) -> NDArray[np.float64]:
    """(d(d+1)/2,) of a symmetric (d, d): row by row, from the diagonal on."""
    return A[_indices(len(A))]


def from_upper_half(half: NDArray[Any], dim: int) -> NDArray[np.float64]:
    """(dim, dim), symmetric: what :func:`upper_half` was taken of."""
    A = np.zeros((dim, dim))
    rows, columns = _indices(dim)
    A[rows, columns] = half
    A[columns, rows] = half
    return A


@lru_cache(
    maxsize=8
)  # a database holds matrices of one size, and folds read and write them all day
def _indices(dim: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(dim)
