"""Opening an encoder by name."""

from __future__ import annotations

import logging
from pathlib import Path

from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.core.ports import Encoder
from conduit.features.encoders.hashing import HashingEncoder
from conduit.features.encoders.hub import HUB
from conduit.features.encoders.libraries import install_extra, missing_libraries
from conduit.features.encoders.minilm import LIBRARIES, MiniLMEncoder
from conduit.features.encoders.minilm_export import LIBRARIES as EXPORT_LIBRARIES
from conduit.features.encoders.minilm_files import EncoderSource
from conduit.features.encoders.releases import MINILM, Release
from conduit.features.encoders.sentence_transformer import SentenceTransformerEncoder

ENCODERS = ("auto", "hashing", "minilm", "sentence-transformers[:MODEL]")
"""Names that :func:`open_encoder` knows."""

_logger = logging.getLogger(__name__)


def open_encoder(
    name: str,
    *,
    cache_dir: Path,
    allow_download: bool = False,
    threads: int = 1,
    release: Release = MINILM,
    hub: str = HUB,
) -> Encoder:
    """Build the encoder of that name.

    ``auto`` is MiniLM when its libraries and its weights are on this machine, and never asks the
    network; otherwise it hashes words, with a warning that says how to get meaning.

    Args:
        name: ``auto``, ``minilm``, ``sentence-transformers``, ``sentence-transformers:MODEL``
            (a name on the hub or a folder) or ``hashing``.
        cache_dir: where MiniLM keeps its files (90 MB); created when needed.
        allow_download: whether the named encoder may fetch weights from the model hub.
        threads: cores that one call of MiniLM uses, 1 or more.
        release: which MiniLM.
        hub: address of the model hub for MiniLM, or of a mirror with the same paths.

    Raises:
        InvalidInputError: for an unknown name or less than one thread.
        ConfigurationError: when libraries or weights are missing, with the command that installs
            them; when a file is not what it should be; when the cache cannot be written to.
    """
    kind, colon, model = name.partition(":")
    if kind == "sentence-transformers":
        return SentenceTransformerEncoder(model, allow_download=allow_download)
    if colon or kind not in ("auto", "hashing", "minilm"):
        raise InvalidInputError(
            f"unknown encoder {name!r}", remedy=f"choose one of: {', '.join(ENCODERS)}"
        )
    if kind == "hashing":
        return HashingEncoder()
    source = EncoderSource(cache_dir=cache_dir, release=release, hub=hub)
    if kind == "auto":
        return _best_local(source, threads)
    return _minilm(source, threads, allow_download=allow_download)


def _best_local(source: EncoderSource, threads: int) -> Encoder:
    commands = _commands(source)
    if not commands:
        return _minilm(source, threads, allow_download=False)
    _logger.warning(
        "prompts are encoded by hashing their words, which carries almost no meaning; "
        "for meaning, run: %s",
        commands,
    )
    return HashingEncoder()


def _minilm(source: EncoderSource, threads: int, *, allow_download: bool) -> MiniLMEncoder:
    missing = missing_libraries(LIBRARIES)
    files = None if missing else source.find(allow_download=allow_download)
    if files is None:
        lacking = ", ".join(missing) or f"the weights of {source.release.name}"
        raise ConfigurationError(
            f"encoder 'minilm' lacks {lacking}", remedy=f"run: {_commands(source)}"
        )
    return MiniLMEncoder(files, threads=threads)


def _commands(source: EncoderSource) -> str:
    """What to run so that MiniLM works without the network; empty when nothing is missing."""
    cached = source.is_cached()
    libraries = LIBRARIES if cached else (*LIBRARIES, *EXPORT_LIBRARIES)
    extra = [install_extra("onnx")] if missing_libraries(libraries) else []
    weights = [] if cached or source.release.folder else [source.release.install_command]
    return " && ".join(extra + weights)
