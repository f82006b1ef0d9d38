"""Where MiniLM's files come from: the cache, the model hub, or an installed package.

Whatever the source, a file is checked against its pinned hash before it is used. The hub's ONNX
graph and the one made from the package's safetensors hold the same weights and both give token
states, so pooling is done in one place, :mod:`conduit.features.encoders.minilm`.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from conduit.features.encoders.hub import HUB, fetch
from conduit.features.encoders.minilm_export import GRAPH_VERSION, export_bert, read_weights
from conduit.features.encoders.releases import MINILM, Release
from conduit.features.encoders.verified_files import (
    cache_name,
    require_hash,
    require_hash_of,
    require_own_hash,
    store,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderFiles:
    """What an ONNX text encoder is built from, verified.

    Args:
        identity: name and short hash of the weights.
        graph: ONNX file.
        tokenizer: ``tokenizer.json``.
    """

    identity: str
    graph: Path
    tokenizer: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSource:
    """The places where the files of a release may be.

    Args:
        cache_dir: folder where files are kept (90 MB); created when needed.
        release: which encoder.
        hub: address of the model hub, or of a mirror with the same paths.
    """

    cache_dir: Path
    release: Release = MINILM
    hub: str = HUB

    def find(self, *, allow_download: bool = False) -> EncoderFiles | None:
        """The first of: cached files, the hub's (where allowed), the installed package's.

        Returns:
            None when no place has them.

        Raises:
            ConfigurationError: for a file with another hash than the pinned one, a cache folder
                that cannot be written to, or a missing library.
        """
        return self.cached() or (self._download() if allow_download else None) or self._convert()

    def cached(self) -> EncoderFiles | None:
        """Files kept earlier, or None when one of them is missing.

        Raises:
            ConfigurationError: for a file whose content is not what its name says.
        """
        if not self.is_cached():
            return None
        return self._files(
            require_own_hash(self._cached_graphs()[0]), require_own_hash(self._tokenizer)
        )

    def is_cached(self) -> bool:
        """Whether the cache has the files; their content is not looked at."""
        return bool(self._cached_graphs()) and self._tokenizer.is_file()

    def _cached_graphs(self) -> list[Path]:
        made = sorted(self.cache_dir.glob(cache_name(self._converted_stem, "*", ".onnx")))
        return [path for path in (self._graph, *made) if path.is_file()]

    def _download(self) -> EncoderFiles | None:
        repository = f"{self.hub}/{self.release.repository}/resolve/{self.release.revision}"
        wanted = {self._tokenizer: self.release.tokenizer, self._graph: self.release.graph}
        for path, file in wanted.items():
            url = f"{repository}/{file.path}"
            data = fetch(url, size=file.size)
            if data is None:
                return None
            store(require_hash_of(data, file.sha256, source=url), path)
        return self._files(self._graph, self._tokenizer)

    def _convert(self) -> EncoderFiles | None:
        folder = self.release.folder
        if folder is None:
            return None
        weights, tokenizer = (
            require_hash(folder / file.path, file.sha256)
            for file in (self.release.weights, self.release.tokenizer)
        )
        graph = export_bert(read_weights(weights))
        name = cache_name(self._converted_stem, sha256(graph).hexdigest(), ".onnx")
        store(tokenizer.read_bytes(), self._tokenizer)
        return self._files(store(graph, self.cache_dir / name), self._tokenizer)

    def _files(self, graph: Path, tokenizer: Path) -> EncoderFiles:
        return EncoderFiles(identity=self.release.identity, graph=graph, tokenizer=tokenizer)

    @property
    def _graph(self) -> Path:
        """Where the hub's graph is kept."""
        name = cache_name(self.release.name, self.release.graph.sha256, ".onnx")
        return self.cache_dir / name

    @property
    def _tokenizer(self) -> Path:
        name = cache_name(self.release.name, self.release.tokenizer.sha256, ".json")
        return self.cache_dir / name

    @property
    def _converted_stem(self) -> str:
        """Beginning of the names of graphs made here, whose hash is not known beforehand."""
        return f"{self.release.name}-{self.release.weights.sha256[:12]}-graph{GRAPH_VERSION}"
