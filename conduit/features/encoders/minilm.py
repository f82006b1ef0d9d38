"""MiniLM on onnxruntime: real meaning on one CPU thread, without torch.

Mean pooling and normalisation are done here in numpy rather than in the graph, so that the hub's
graph and the one made from safetensors are treated alike; at 256 tokens they take under .1 ms.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from conduit.core.errors import InvalidInputError
from conduit.features.encoders.libraries import load_library
from conduit.features.encoders.minilm_files import EncoderFiles
from conduit.features.encoders.wellformed import well_formed

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_TOKENS = 256
"""Tokens read of a text, its two markers included; the rest of a longer text is not seen."""

BRIEF = 120
"""Bytes of a text that is encoded within about 10 ms: 30 tokens of English on one core."""

LIBRARIES = ("onnxruntime", "tokenizers")
"""What this encoder imports when it is built."""

_BATCH_TOKENS = 2048
_HEAD = 4096  # characters; 256 tokens of prose take 1,200


class MiniLMEncoder:
    """Sentence embeddings of all-MiniLM-L6-v2 in 32-bit floats.

    Agrees with sentence-transformers to cosine .9999 or better. Vectors of one text differ by
    rounding only (1e-6) between batches and between the two sources of the graph. Thread-safe.

    Args:
        files: verified files, see :class:`conduit.features.encoders.minilm_files.EncoderSource`.
        threads: cores that one call uses. More than one makes a single long prompt faster and
            many requests at once slower.

    Raises:
        ConfigurationError: when onnxruntime or tokenizers is not installed.
        InvalidInputError: for less than one thread.
    """

    def __init__(self, files: EncoderFiles, *, threads: int = 1) -> None:
        if threads < 1:
            raise InvalidInputError(f"threads={threads} is too few", remedy="use 1 or more")
        runtime = _runtime()
        tokenizers = load_library("tokenizers", extra="onnx")
        self._tokenizer = tokenizers.Tokenizer.from_file(str(files.tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._session = _session(runtime, str(files.graph), threads)
        self._segmented = "token_type_ids" in [given.name for given in self._session.get_inputs()]
        self._dim = int(self._session.get_outputs()[0].shape[-1])
        self._name = f"{files.identity}/{MAX_TOKENS}"

    @property
    def name(self) -> str:
        """Name, short hash of the weights and token limit, whatever the graph was made from."""
        return self._name

    @property
    def dim(self) -> int:
        """Length of a vector: 384."""
        return self._dim

    @property
    def brief(self) -> int:
        """Bytes of a text that is encoded within about 10 ms."""
        return BRIEF

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit-norm embeddings, (n, 384) float32; texts beyond 256 tokens are cut there."""
        # One by one: the tokenizer's own batches would take every core.
        tokens = [self._tokens(well_formed(text)) for text in texts]
        if len(tokens) == 1:
            return self._embed(tokens)
        vectors = np.empty((len(texts), self._dim), dtype=np.float32)
        for rows in _batches([len(ids) for ids in tokens]):
            vectors[rows] = self._embed([tokens[row] for row in rows])
        return vectors

    def _tokens(self, text: str) -> list[int]:
        """Ids of at most 256 tokens, without reading all of a long text when its head has them."""
        head = text[:_HEAD].rpartition(" ")[0]  # tokens never span a space
        if len(text) > _HEAD and len(ids := self._tokenizer.encode(head).ids) == MAX_TOKENS:
            return cast("list[int]", ids)
        return cast("list[int]", self._tokenizer.encode(text).ids)

    def _embed(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        shape = (len(tokens), max(map(len, tokens)))
        ids, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for row, given in enumerate(tokens):
            ids[row, : len(given)] = given
            mask[row, : len(given)] = 1
        feed = {"input_ids": ids, "attention_mask": mask}
        if self._segmented:
            feed["token_type_ids"] = np.zeros_like(ids)
        return _pooled(self._session.run(None, feed)[0], mask)


def _runtime() -> Any:
    """The library; unless told before its import it reports on its use, from a thread of its own.

    Nobody asked for that, and a forked child would wait for the thread when it ends, for ever.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return load_library("onnxruntime", extra="onnx")


def _session(runtime: Any, graph: str, threads: int) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    # Idle workers would otherwise spin on cores that other requests need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _pooled(states: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    """Unit vectors (n, d) along the mean state of the tokens; states (n, t, d), mask (n, t)."""
    # The sum points where the mean does, and only the direction is kept.
    sums = (mask[:, None, :].astype(np.float32) @ states)[:, 0, :]  # (n, 1, t) @ (n, t, d)
    return cast("NDArray[np.float32]", sums / np.sqrt((sums * sums).sum(axis=1, keepdims=True)))


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices in groups of similar length, so that little of a batch is padding."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        full = (len(batch) + 1) * lengths[row] > _BATCH_TOKENS
        if batch and (full or lengths[row] > 1.25 * lengths[batch[0]] + 4):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
