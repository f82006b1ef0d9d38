"""What every encoder promises; a test class inherits it and says how to build its encoder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from conduit.core.ports import Encoder

TEXTS = (
    "What is the capital of France?",
    "def f(x):\n    return x ** 2  # squared",
    "Übergröße — naïve café, ﬁne ½ Ⅳ",
    "東京の天気はどうですか",
    "Привет, как дела? مرحبا كيف حالك",
    "👩‍👩‍👧‍👦 🎉🎉 🇫🇷",
    "",
    " \n\t ",
    "\u200b\u0301\ufeff",
    "!?",
    "a",
    "lone surrogate \ud800 inside",
    "word " * 5000,
    "x" * 20_000,
    "Long " + "and winding sentences about many different things. " * 40,
)


class EncoderContract:
    """Tests shared by all encoders."""

    @pytest.fixture
    def encoder(self) -> Encoder:
        """The encoder under test, built once per class by the subclass."""
        raise NotImplementedError

    def test_is_an_encoder(self, encoder: Encoder) -> None:
        """It satisfies the port, with a name and a dimension."""
        assert isinstance(encoder, Encoder)
        assert encoder.name
        assert encoder.dim > 0

    def test_unit_float32_rows(self, encoder: Encoder) -> None:
        """Every text, however odd, becomes a float32 row of norm 1."""
        vectors = encoder.encode(TEXTS)
        assert vectors.shape == (len(TEXTS), encoder.dim)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)

    def test_nothing(self, encoder: Encoder) -> None:
        """No texts give no rows, of the right width and type."""
        vectors = encoder.encode([])
        assert vectors.shape == (0, encoder.dim)
        assert vectors.dtype == np.float32

    def test_deterministic(self, encoder: Encoder) -> None:
        """The same texts give the same bits."""
        np.testing.assert_array_equal(encoder.encode(TEXTS[:6]), encoder.encode(TEXTS[:6]))

    def test_batch_invariant(self, encoder: Encoder) -> None:
        """A text's vector does not depend on its company, nor on its place in the batch."""
        together = encoder.encode(TEXTS)
        backwards = encoder.encode(TEXTS[::-1])[::-1]
        alone = np.vstack([encoder.encode([text]) for text in TEXTS])
        assert np.sum(together * alone, axis=1).min() >= 0.99999
        assert np.sum(together * backwards, axis=1).min() >= 0.99999

    def test_tells_texts_apart(self, encoder: Encoder) -> None:
        """Different texts give different vectors."""
        vectors = encoder.encode(TEXTS[:6])
        cosines = vectors @ vectors.T - 2 * np.eye(6)
        assert cosines.max() < 0.99

    def test_thread_safe(self, encoder: Encoder) -> None:
        """Eight threads at once get what one gets."""
        batches = [TEXTS[start : start + 4] for start in range(8)] * 3
        expected = [encoder.encode(batch) for batch in batches]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(encoder.encode, batches))
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
