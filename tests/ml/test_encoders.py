"""The encoders' contract, with real weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.core.errors import ConfigurationError
from conduit.features.encoders.minilm import MiniLMEncoder
from conduit.features.encoders.opening import open_encoder
from conduit.features.encoders.releases import MINILM
from conduit.features.encoders.sentence_transformer import SentenceTransformerEncoder
from tests.features.encoders.contract import EncoderContract

pytestmark = pytest.mark.ml


class TestMiniLM(EncoderContract):
    """The contract, on onnxruntime."""

    @pytest.fixture
    def encoder(self, minilm: MiniLMEncoder) -> MiniLMEncoder:
        return minilm


class TestSentenceTransformer(EncoderContract):
    """The contract, on torch."""

    @pytest.fixture
    def encoder(self, on_torch: SentenceTransformerEncoder) -> SentenceTransformerEncoder:
        return on_torch


def test_opened_by_name(on_torch: SentenceTransformerEncoder, tmp_path: Path) -> None:
    """A folder named after the colon is loaded; equal weights have equal names."""
    encoder = open_encoder(f"sentence-transformers:{MINILM.folder}", cache_dir=tmp_path)
    assert encoder.name == on_torch.name
    assert encoder.dim == 384


def test_model_that_is_not_there(tmp_path: Path) -> None:
    """Without leave to download, an unknown model is an error of one line that names it."""
    with pytest.raises(ConfigurationError, match="'/no/such/folder'") as caught:
        open_encoder("sentence-transformers:/no/such/folder", cache_dir=tmp_path)
    assert "\n" not in str(caught.value)
