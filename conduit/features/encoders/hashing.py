"""Hashed words and letters: an encoder without a model, for when there is none."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.errors import InvalidInputError
from conduit.features.encoders.wellformed import well_formed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VERSION = 1  # of the features below; part of the name, for state learned on them
_TOKEN = re.compile(r"\w+|[^\w\s]")
_SIGN = 1 << 63
_BRIEF = 16_000


class HashingEncoder:
    """Signed feature hashing of words, word pairs and letter triples.

    **It carries almost no meaning**: texts are close when they share words or spellings, so
    "car" and "automobile" are strangers. It exists so that everything works without a model, and
    what is learned on it tells formats and vocabularies apart, little more.

    A feature counts as the square root of its occurrences. Its index and sign come from BLAKE2b,
    so vectors are equal in every process. They are equal on every Python version too, save for
    characters that a later version of Unicode added. Text is compared in NFKC, casefolded.

    Cost: about .1 ms for a short prompt, 60 ms for 100 KB. Thread-safe.

    Reference: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009.

    Args:
        dim: length of a vector, at least 1.

    Raises:
        InvalidInputError: for a dimension below 1.
    """

    def __init__(self, dim: int = 256) -> None:
        if dim < 1:
            raise InvalidInputError(f"dim={dim} is no length of a vector", remedy="use 1 or more")
        self._dim = dim

    @property
    def name(self) -> str:
        """Version of the features and dimension."""
        return f"hashing-v{_VERSION}/{self._dim}"

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    @property
    def brief(self) -> int:
        """Bytes of a text that is encoded within about 10 ms."""
        return _BRIEF

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit-norm vectors, (n, dim) float32."""
        vectors = np.zeros((len(texts), self._dim), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row] = self._vector(well_formed(text))
        return vectors

    def _vector(self, text: str) -> NDArray[np.float64]:
        vector = self._hashed(Counter(_features(text)))
        # No feature at all, or features that cancel: the text as a whole is the feature.
        if not vector.any():
            vector = self._hashed(Counter([f"text {text}"]))
        return vector / np.sqrt(vector @ vector)

    def _hashed(self, counts: Counter[str]) -> NDArray[np.float64]:
        vector = np.zeros(self._dim)
        for feature, count in counts.items():
            value = _hash(feature)
            sign = 1.0 if value & _SIGN else -1.0
            vector[value % self._dim] += sign * math.sqrt(count)
        return vector


def _features(text: str) -> Iterator[str]:
    """Words, pairs of neighbours, and triples of letters with the words' borders."""
    words = _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())
    for word in words:
        yield f"word {word}"
        edged = f"^{word}$"
        for start in range(len(edged) - 2):
            yield f"letters {edged[start : start + 3]}"
    for first, second in pairwise(words):
        yield f"pair {first} {second}"


def _hash(feature: str) -> int:
    """64 bits, the same everywhere, unlike the builtin hash."""
    digest = blake2b(feature.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
