"""MiniLM on onnxruntime is the model that sentence-transformers runs."""

from __future__ import annotations

import numpy as np
import pytest

from conduit.features.encoders.minilm import MiniLMEncoder
from conduit.features.encoders.releases import MINILM
from conduit.features.encoders.sentence_transformer import SentenceTransformerEncoder
from tests.ml.prompts import prompts

pytestmark = pytest.mark.ml


def test_agrees_with_sentence_transformers(
    minilm: MiniLMEncoder, on_torch: SentenceTransformerEncoder
) -> None:
    """Over 200 varied prompts and more, every pair of vectors has a cosine of .9999 or better."""
    texts = prompts()
    assert len(set(texts)) >= 200
    cosines = np.sum(minilm.encode(texts) * on_torch.encode(texts), axis=1)
    worst = int(cosines.argmin())
    assert cosines[worst] >= 0.9999, texts[worst][:80]


def test_meaning(minilm: MiniLMEncoder) -> None:
    """A paraphrase without shared words is nearer than a text of another subject."""
    car, automobile, bread = minilm.encode(
        ["my car broke down", "the automobile stopped working", "how to bake sourdough bread"]
    )
    assert car @ automobile > car @ bread + 0.3


def test_name_is_of_the_weights(minilm: MiniLMEncoder) -> None:
    """The name holds the hash of the published weights, and the vectors are 384 long."""
    assert MINILM.weights.sha256[:12] in minilm.name
    assert minilm.dim == 384
