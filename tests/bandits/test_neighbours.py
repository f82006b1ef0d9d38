"""Nearest neighbours: the mean of the nearest labels, and how far to trust it."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import conduit.bandits.neighbours
from conduit.bandits.neighbours import NearestNeighbours
from conduit.core.errors import InvalidInputError
from tests.bandits.builders import estimates_of

ARMS = ("small", "medium", "large")


def labelled(seed: int = 0, *, n: int = 30, known: float = 1.0, k: int = 5) -> NearestNeighbours:
    """Random unit vectors and labels, of which a share is known."""
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((n, 8))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    quality = np.where(rng.random((n, 3)) <= known, rng.random((n, 3)), np.nan)
    quality[0] = 0.5
    return NearestNeighbours(
        encoder="random", arms=ARMS, embeddings=embeddings.astype(np.float32), quality=quality, k=k
    )


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 999), known=st.sampled_from([0.1, 0.5, 1.0]), k=st.integers(1, 40))
def test_an_estimate_is_the_mean_of_the_nearest_labels_of_each_arm(
    seed: int, known: float, k: int
) -> None:
    """Mean, deviation and number are those of a full sort by cosine, arm by arm."""
    given_, x = labelled(seed, known=known, k=k), labelled(seed + 1).embeddings[3]
    mean, std, count = given_.predict(x)
    for arm in range(3):
        rows = np.flatnonzero(~np.isnan(given_.quality[:, arm]))
        near = rows[np.argsort(-(given_.embeddings[rows] @ x))][:k]
        labels, n = given_.quality[near, arm], len(near)
        assert count[arm] == n == min(k, len(rows))
        assert mean[arm] == pytest.approx(labels.mean())
        variance = (0.25 + ((labels - labels.mean()) ** 2).sum()) / (1 + n)
        assert std[arm] == pytest.approx((variance / n) ** 0.5)


def test_equal_labels_are_not_taken_for_certainty() -> None:
    """Five neighbours that agree leave doubt, and twenty leave less."""
    five, twenty = labelled(k=5), labelled(k=20)
    for each in (five, twenty):
        each.quality[:] = 1.0
    few, many = (each.predict(five.embeddings[0])[1] for each in (five, twenty))
    assert (few > many).all()
    assert (many > 0).all()


def test_a_labelled_query_is_its_own_nearest() -> None:
    """With k = 1, a query that was labelled is answered with its own labels."""
    given_ = labelled(k=1)
    for row in range(len(given_)):
        np.testing.assert_array_equal(
            given_.predict(given_.embeddings[row])[0], given_.quality[row]
        )


def test_only_quality_comes_from_the_neighbours() -> None:
    """Cost, latency and availability stay what was learned."""
    given_ = labelled()
    before = estimates_of([0.1, 0.1, 0.1], cost=[1.0, 2.0, 3.0], latency=[4.0, 5.0, 6.0])
    after = given_.refine(before, given_.embeddings[0])
    np.testing.assert_array_equal(after.quality, given_.predict(given_.embeddings[0])[0])
    assert after.ratings.tolist() == [5.0, 5.0, 5.0]
    for name in ("cost", "cost_high", "latency", "latency_high", "availability"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


def test_arms_are_taken_by_name() -> None:
    """Another order or fewer arms give the same estimates per arm; arms without labels are named."""
    given_ = labelled(known=0.5)
    x = given_.embeddings[4]
    whole, turned = given_.predict(x)[0], given_.of(("large", "small")).predict(x)[0]
    np.testing.assert_array_equal(turned, whole[[2, 0]])
    with pytest.raises(InvalidInputError, match=r"no labelled queries for 'tiny', 'huge'"):
        given_.of(("tiny", "small", "huge"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"k": 0}, "k=0"),
        ({"arms": ("a", "b")}, "2 arms"),
        ({"arms": ("a", "b", "b")}, "repeat"),
        ({"embeddings": np.full((30, 8), np.nan, np.float32)}, "not finite"),
        ({"embeddings": np.zeros((0, 8), np.float32), "quality": np.zeros((0, 3))}, "do not fit"),
        ({"quality": np.full((30, 3), 1.5)}, r"quality=1\.5"),
        ({"quality": np.full((30, 3), np.nan)}, "labelled for 'small'"),
    ],
)
def test_labels_that_make_no_sense_are_refused(changed: dict[str, Any], said: str) -> None:
    """Each mistake is an input error that names it."""
    rows = labelled()
    fields = {"encoder": "random", "arms": ARMS, "embeddings": rows.embeddings}
    with pytest.raises(InvalidInputError, match=said):
        NearestNeighbours(**(fields | {"quality": rows.quality} | changed))  # type: ignore[arg-type]


def test_the_example_in_the_docstring_holds() -> None:
    """The doctest runs as printed."""
    results = doctest.testmod(conduit.bandits.neighbours)
    assert (results.attempted > 0, results.failed) == (True, 0)
