"""MiniLM on onnxruntime, with tiny random weights; tests/ml has the real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conduit.core.errors import InvalidInputError
from conduit.features.encoders.minilm import MAX_TOKENS, MiniLMEncoder
from conduit.features.encoders.minilm_files import EncoderSource
from tests.features.encoders.conftest import Published
from tests.features.encoders.contract import EncoderContract
from tests.features.encoders.hub import serving


@pytest.fixture(scope="module")
def tiny(published: Published, tmp_path_factory: pytest.TempPathFactory) -> MiniLMEncoder:
    """The tiny encoder, made from its package."""
    source = EncoderSource(cache_dir=tmp_path_factory.mktemp("cache"), release=published.release)
    files = source.find()
    assert files is not None
    return MiniLMEncoder(files)


class TestTinyMiniLM(EncoderContract):
    """The contract, for the tiny weights."""

    @pytest.fixture
    def encoder(self, tiny: MiniLMEncoder) -> MiniLMEncoder:
        return tiny


FORKS = """
import os, sys, warnings
from pathlib import Path
from conduit.features.encoders.minilm import MiniLMEncoder
from conduit.features.encoders.minilm_files import EncoderFiles
graph, tokenizer = map(Path, sys.argv[1:])
encoder = MiniLMEncoder(EncoderFiles(graph=graph, tokenizer=tokenizer, identity="tiny"))
encoder.encode(["some words"])
print(len(os.listdir("/proc/self/task")) if Path("/proc/self/task").exists() else 1, flush=True)
warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
if child := os.fork():
    print(os.waitpid(child, 0)[1])
"""


def test_a_forked_child_ends_and_nothing_is_reported_to_anybody(
    published: Published, tmp_path: Path
) -> None:
    """The runtime starts no thread of its own, which would report its use, and hold up a child."""
    files = EncoderSource(cache_dir=tmp_path, release=published.release).find()
    assert files is not None
    ran = subprocess.run(
        [sys.executable, "-c", FORKS, str(files.graph), str(files.tokenizer)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert ran.stdout.split() == ["1", "0"]


def test_hub_graph_and_own_graph_agree(
    tiny: MiniLMEncoder, published: Published, tmp_path: Path
) -> None:
    """The graph from the hub has the same name and gives the same vectors as the one made here."""
    texts = ["a", "some words", "and many more words, of which some are long " * 3]
    with serving(published.files) as hub:
        source = EncoderSource(cache_dir=tmp_path, release=published.release, hub=hub.address)
        files = source.find(allow_download=True)
    assert files is not None
    downloaded = MiniLMEncoder(files)
    assert downloaded.name == tiny.name
    np.testing.assert_allclose(downloaded.encode(texts), tiny.encode(texts), atol=1e-5)


def test_text_beyond_the_limit_is_not_seen(tiny: MiniLMEncoder) -> None:
    """Texts that agree in their first 256 tokens are equal, however long they go on."""
    seen = "a b " * (MAX_TOKENS // 2)
    plain, longer, longest = tiny.encode([seen, seen + "c d e", seen + "f g " * 10_000])
    np.testing.assert_allclose(longer, plain, atol=1e-6)
    np.testing.assert_allclose(longest, plain, atol=1e-6)


def test_text_beyond_128_tokens_is_seen(tiny: MiniLMEncoder) -> None:
    """The tokenizer file's own limit of 128 tokens does not apply."""
    seen = "a b " * 64
    one, other = tiny.encode([seen + "c", seen + "d e f g"])
    assert one @ other < 0.9999


def test_late_tokens_of_sparse_text_count(tiny: MiniLMEncoder) -> None:
    """A long text whose head holds few tokens is read to where the tokens are."""
    one, other = tiny.encode([" " * 10_000 + "a b c", "a b c"])
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_large_batches(tiny: MiniLMEncoder) -> None:
    """Rows keep their order in batches of many lengths."""
    texts = ["a " * (index * 37 % 120) + f"b{index}" for index in range(150)]
    alone = np.vstack([tiny.encode([text]) for text in texts])
    assert np.sum(tiny.encode(texts) * alone, axis=1).min() >= 0.99999


@pytest.mark.parametrize("threads", [0, -2])
def test_too_few_threads(published: Published, tmp_path: Path, threads: int) -> None:
    """At least one thread."""
    files = EncoderSource(cache_dir=tmp_path, release=published.release).find()
    assert files is not None
    with pytest.raises(InvalidInputError, match=f"threads={threads}"):
        MiniLMEncoder(files, threads=threads)


def test_two_threads_agree_with_one(
    tiny: MiniLMEncoder, published: Published, tmp_path: Path
) -> None:
    """The number of threads changes no vector."""
    files = EncoderSource(cache_dir=tmp_path, release=published.release).find()
    assert files is not None
    two = MiniLMEncoder(files, threads=2)
    assert two.name == tiny.name
    np.testing.assert_allclose(two.encode(["some words"]), tiny.encode(["some words"]), atol=1e-6)
