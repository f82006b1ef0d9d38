"""Embeddings of recorded prompts, encoded once and kept by the hash of their text."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from conduit.features.encoders.opening import open_encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from conduit.core.ports import Encoder

BATCH = 32
SAVE_EVERY = 2048
"""Texts after which what was encoded is written down."""


class CachedEncoder:
    """An encoder that looks texts up before it encodes them.

    Args:
        encoder: gives what is not there yet.
        folder: for the file of embeddings, one per encoder.
    """

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        self._encoder = encoder
        safe = encoder.name.replace("/", "_").replace("@", "_")
        self._file = folder / "embeddings" / f"{safe}.npz"
        self._known: dict[str, NDArray[np.float32]] = {}
        if self._file.is_file():
            with np.load(self._file, allow_pickle=False) as kept:
                self._known = dict(zip(kept["sha256"].tolist(), kept["vectors"], strict=True))

    @property
    def name(self) -> str:
        """Identity of the weights."""
        return self._encoder.name

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._encoder.dim

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit-norm embeddings, (n, dim)."""
        digests = [digest(text) for text in texts]
        missing = {d: text for d, text in zip(digests, texts, strict=True) if d not in self._known}
        # By length, so that batches pad little.
        self._learn(sorted(missing.items(), key=lambda item: len(item[1])))
        return np.stack([self._known[d] for d in digests])

    def _learn(self, missing: Sequence[tuple[str, str]]) -> None:
        for start in range(0, len(missing), SAVE_EVERY):
            part = missing[start : start + SAVE_EVERY]
            print(f"encoding {start:,} of {len(missing):,} prompts", file=sys.stderr)
            for first in range(0, len(part), BATCH):
                batch = part[first : first + BATCH]
                vectors = self._encoder.encode([text for _, text in batch])
                self._known.update(zip((d for d, _ in batch), vectors, strict=True))
            self._save()

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".partial.npz")
        np.savez(
            partial,
            allow_pickle=False,
            sha256=np.array(list(self._known)),
            vectors=np.stack(list(self._known.values())),
        )
        partial.replace(self._file)


def digest(text: str) -> str:
    """Hash of a text, by which its embedding is kept."""
    return sha256(text.encode()).hexdigest()


def official_encoder(cache: Path) -> CachedEncoder:
    """The encoder that routers use by default where its weights are installed."""
    return CachedEncoder(open_encoder("minilm", cache_dir=cache), cache)
