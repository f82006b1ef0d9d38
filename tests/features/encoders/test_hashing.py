"""Hashed words and letters."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.core.errors import InvalidInputError
from conduit.features.encoders.hashing import HashingEncoder
from tests.features.encoders.contract import EncoderContract


class TestHashingEncoder(EncoderContract):
    """The contract, for hashing."""

    @pytest.fixture
    def encoder(self) -> HashingEncoder:
        return HashingEncoder()


@settings(max_examples=100, deadline=None)
@given(st.text(), st.integers(1, 300))
def test_any_text_any_dimension(text: str, dim: int) -> None:
    """Any text has a finite unit vector in any dimension."""
    vector = HashingEncoder(dim).encode([text])[0]
    assert vector.shape == (dim,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_same_in_every_process() -> None:
    """The vector does not depend on the interpreter's hash seed."""
    script = (
        "from conduit.features.encoders.hashing import HashingEncoder;"
        "print(HashingEncoder().encode(['Hello, größe 東京'])[0].tobytes().hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(found) == 1


def test_compatible_forms_are_equal() -> None:
    """Case and compatibility variants of Unicode do not matter."""
    one, other = HashingEncoder().encode(["ＦＩＮＥ Straße ﬁ", "fine STRASSE fi"])
    np.testing.assert_array_equal(one, other)


def test_shared_words_are_near() -> None:
    """Texts that share words are nearer than texts that share none."""
    a, b, c = HashingEncoder().encode(
        ["sort a list of numbers in python", "sort a python list", "wann fährt der Zug"]
    )
    assert a @ b > a @ c + 0.2


def test_order_matters() -> None:
    """Pairs of neighbours tell the order of words."""
    a, b = HashingEncoder().encode(["dog bites man", "man bites dog"])
    assert 0.5 < a @ b < 0.99


def test_name_tells_dimension() -> None:
    """Encoders of different dimension have different names."""
    assert HashingEncoder(64).name != HashingEncoder(128).name


@pytest.mark.parametrize("dim", [0, -1])
def test_impossible_dimension(dim: int) -> None:
    """A vector has at least one number."""
    with pytest.raises(InvalidInputError, match=f"dim={dim}"):
        HashingEncoder(dim)
