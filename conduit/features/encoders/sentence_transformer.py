"""Any sentence-transformers model, on torch."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from conduit.core.errors import ConfigurationError
from conduit.features.encoders.libraries import load_library
from conduit.features.encoders.releases import MINILM
from conduit.features.encoders.wellformed import well_formed

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SentenceTransformerEncoder:
    """Sentence embeddings of a model that sentence-transformers can load.

    Slower to import (seconds) and to run than MiniLM on onnxruntime; for models beyond MiniLM.
    Thread-safe: calls are made one after another, since its tokenizers are not. It uses as many
    cores as torch was told to (``torch.set_num_threads``, one setting for the whole process).

    Args:
        model: name on the model hub, or a folder; empty for all-MiniLM-L6-v2, taken from its
            installed package where there is one.
        allow_download: whether the model hub may be asked.

    Raises:
        ConfigurationError: when sentence-transformers is not installed, or the model cannot be
            loaded.
    """

    def __init__(self, model: str = "", *, allow_download: bool = False) -> None:
        library = load_library("sentence_transformers", extra="ml")
        source = model or str(MINILM.folder or MINILM.repository)
        self._model = _load(library, source, allow_download)
        self._dim = len(self._encoded([""])[0])
        self._name = f"sentence-transformers/{_fingerprint(self._model)}"
        self._lock = Lock()

    @property
    def name(self) -> str:
        """Short hash of the weights, and the token limit."""
        return self._name

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit-norm embeddings, (n, dim) float32; longer texts are cut at the model's limit."""
        if not texts:
            return np.empty((0, self._dim), dtype=np.float32)
        with self._lock:
            return self._encoded(texts)

    def _encoded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = self._model.encode(
            [well_formed(text) for text in texts],
            convert_to_numpy=True,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return cast("NDArray[np.float32]", np.asarray(vectors, dtype=np.float32))


def _load(library: Any, source: str, allow_download: bool) -> Any:
    try:
        return library.SentenceTransformer(source, local_files_only=not allow_download)
    except (OSError, ValueError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigurationError(
            f"sentence-transformers cannot load {source!r} ({said})",
            remedy="give a folder that holds the model, or allow its download",
        ) from error


def _fingerprint(model: Any) -> str:
    """Hash of the chain of modules and of every tensor, and the token limit."""
    digest = sha256()
    for module in model.children():
        digest.update(type(module).__name__.encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        # 32-bit floats, since numpy lacks some of torch's types.
        digest.update(tensor.detach().cpu().float().contiguous().numpy())
    return f"{digest.hexdigest()[:12]}/{model.max_seq_length}"
