"""Laws of the analyzer: text in, features out."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from conduit.core.errors import ConfigurationError
from conduit.features.analyzer import PROJECTION_SHARE, SIGNAL_SHARE, Analyzer
from conduit.features.projection import random_projection
from conduit.features.signals import signals

TEXTS = ["What is 2+2?", "Write a poem about rivers.", "A. x\nB. y", "日本の首都は？"]


class CountingEncoder:
    """Embeds by the first character, and counts its calls."""

    name = "counting"
    dim = 50

    def __init__(self) -> None:
        self.calls = 0

    def encode(self, texts):
        self.calls += 1
        rows = [np.random.default_rng(ord(text[0])).standard_normal(self.dim) for text in texts]
        vectors = np.array(rows, np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def encoder():
    return CountingEncoder()


@pytest.fixture
def analyzer(encoder):
    return Analyzer(encoder, random_projection(encoder.dim))


def test_context_is_bias_signals_and_projection(analyzer, encoder):
    """A context holds 1, the weighted signals and the weighted coordinates, in that order."""
    text = TEXTS[0]
    features = analyzer.analyze(text)
    coordinates = random_projection(encoder.dim).apply(encoder.encode([text]))[0]
    assert features.context.dtype == np.float32
    assert features.context.shape == (analyzer.dim,)
    assert features.context[0] == 1
    np.testing.assert_allclose(
        features.context[1:9], signals(text) * np.sqrt(SIGNAL_SHARE / 8), rtol=1e-6
    )
    np.testing.assert_allclose(
        features.context[9:], coordinates * np.sqrt(PROJECTION_SHARE), rtol=1e-6
    )


def test_shares_of_the_groups_sum_to_one():
    """Signals and projection together hold the whole mean squared norm."""
    total = SIGNAL_SHARE + PROJECTION_SHARE
    assert total == pytest.approx(1)


def test_one_by_one_equals_together(analyzer):
    """A prompt has the same features alone and in a batch."""
    for text, together in zip(TEXTS, analyzer.analyze_many(TEXTS), strict=True):
        alone = analyzer.analyze(text)
        np.testing.assert_allclose(alone.context, together.context, rtol=1e-5, atol=1e-6)
        assert (alone.token_count, alone.domain) == (together.token_count, together.domain)


def test_a_batch_is_encoded_at_once(analyzer, encoder):
    """Many prompts cost one call of the encoder, none cost no call."""
    assert len(analyzer.analyze_many(TEXTS)) == len(TEXTS)
    assert encoder.calls == 1
    assert analyzer.analyze_many([]) == []
    assert encoder.calls == 1


def test_layout_names_encoder_projection_and_signals(analyzer, encoder):
    """The layout changes with the encoder and with the projection."""
    other = Analyzer(encoder, random_projection(encoder.dim, coordinates=5))
    assert analyzer.layout.startswith("counting/")
    assert other.layout != analyzer.layout
    assert other.dim == 1 + 8 + 5


def test_only_text_goes_in():
    """Nothing but text can reach the features."""
    assert list(inspect.signature(Analyzer.analyze).parameters) == ["self", "text"]
    assert list(inspect.signature(Analyzer.analyze_many).parameters) == ["self", "texts"]


def test_features_describe_the_prompt(analyzer):
    """Embedding, tokens, complexity and domain come with the context."""
    features = analyzer.analyze("Which?\nA. x\nB. y\nC. z")
    assert features.embedding.shape == (50,)
    assert features.token_count == 6
    assert 0 < features.complexity_score < 1
    assert features.domain == "multiple_choice"
    assert 0 < features.domain_confidence <= 1


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_an_encoder_that_gives_no_numbers_is_named(number):
    """What is not finite becomes no feature: it would be in all that is learned, for ever."""

    class Broken(CountingEncoder):
        name = "my-encoder"

        def encode(self, texts):
            found = super().encode(texts)
            found[[text == "bad text" for text in texts], 3] = number
            return found

    broken = Analyzer(Broken(), random_projection(50))
    assert len(broken.analyze_many(TEXTS)) == len(TEXTS)
    with pytest.raises(ConfigurationError, match=r"'my-encoder'.*8 characters; mend it"):
        broken.analyze_many([*TEXTS, "bad text"])
