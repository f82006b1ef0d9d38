"""A tiny published encoder, installed for the session."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from conduit.features.encoders.releases import Release
from tests.features.encoders import tiny


@dataclass(frozen=True)
class Published:
    """A release, and what the hub serves for it."""

    release: Release
    files: dict[str, bytes]


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """The tiny encoder in an importable package, and as files of a hub."""
    folder = tmp_path_factory.mktemp("site")
    release, graph = tiny.publish(folder, "tiny_minilm_package")
    sys.path.append(str(folder))
    base = f"/{release.repository}/resolve/{release.revision}"
    tokenizer = (folder / release.package / "model" / "tokenizer.json").read_bytes()
    yield Published(
        release,
        {f"{base}/onnx/model.onnx": graph, f"{base}/tokenizer.json": tokenizer},
    )
    sys.path.remove(str(folder))
    assert release.package not in sys.modules
