"""Laws of the projection, shipped and random."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.features.encoders.releases import MINILM
from conduit.features.projection import (
    PROJECTED_DIM,
    Projection,
    load_projection,
    random_projection,
    shipped_projection,
)


def unit_vectors(count: int, dim: int, *, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(1, 400))
@settings(max_examples=20, deadline=None)
def test_random_projection_is_orthogonal_and_deterministic(dim):
    """Random rows are orthogonal, of equal length, and the same in every call."""
    projection = random_projection(dim)
    kept = min(dim, PROJECTED_DIM)
    gram = projection.components @ projection.components.T
    np.testing.assert_allclose(gram, np.eye(kept) * dim / kept, atol=1e-4)
    np.testing.assert_array_equal(projection.components, random_projection(dim).components)


def test_random_projection_keeps_the_mean_squared_norm():
    """Unit vectors in all directions have coordinates of mean squared norm 1."""
    coordinates = random_projection(384).apply(unit_vectors(2000, 384, seed=0))
    assert np.mean(np.sum(coordinates**2, axis=1)) == pytest.approx(1, abs=0.03)


def test_apply_centres_and_projects():
    """Coordinates are the components' dot products with the centred embedding."""
    projection = Projection(
        name="hand",
        mean=np.array([1, 0, 0], np.float32),
        components=np.array([[0, 2, 0], [1, 0, 1]], np.float32),
    )
    coordinates = projection.apply(np.array([[1, 1, 5], [0, 0, 0]], np.float32))
    np.testing.assert_array_equal(coordinates, [[2, 5], [0, -1]])
    assert projection.dim == 2


def test_minilm_gets_the_shipped_projection():
    """The official weights, whatever the options, get the fitted projection."""
    projection = load_projection(f"{MINILM.identity}/256", 384)
    assert projection.name.startswith("pca")
    assert projection.components.shape == (PROJECTED_DIM, 384)
    assert projection.mean.shape == (384,)
    assert np.any(projection.mean)


@pytest.mark.parametrize("name", ["hashing/1", "all-MiniLM-L6-v2@000000000000/256", ""])
def test_other_encoders_get_a_random_projection(name):
    """Weights that nothing was fitted for get the random projection of their dimension."""
    assert load_projection(name, 384).name == random_projection(384).name


def test_shipped_projection_is_small_and_names_its_sources():
    """The shipped file holds no pickles, is below 200 kB, and says what text it was fitted on."""
    with shipped_projection().open("rb") as stream:
        size = len(stream.read())
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as shipped:
            sources = json.loads(str(shipped["sources"]))
    assert size < 200_000
    assert sum(source["texts"] for source in sources) >= 10_000
    assert all(source["licence"] and source["sha256"] for source in sources)
