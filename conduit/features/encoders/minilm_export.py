"""BERT's graph in ONNX, made from safetensors without torch.

Only standard operators (opset 17), so any ONNX runtime reads it and the checker vouches for it.
onnxruntime fuses them on load; a graph of its fused operators, and one with a merged query-key-value
product, were tried and were not faster. The output is token states, as in the hub's own graph.

Reference: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers", 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from conduit.features.encoders.libraries import load_library

Weights: TypeAlias = Mapping[str, NDArray[np.float32]]

GRAPH_VERSION = 1
"""Grows when the graph changes, so that graphs cached earlier are made anew."""

LIBRARIES = ("onnx", "safetensors")
"""What making a graph imports; running one needs neither."""

_OPSET = 17  # the first with LayerNormalization
_IR_VERSION = 8  # the format of opset 17, so that older runtimes read it
_MASKED = -10_000.0  # added to a score, it leaves a share of exactly 0 after softmax


def read_weights(path: Path) -> Weights:
    """Tensors of a safetensors file, by name.

    Raises:
        ConfigurationError: when ``safetensors`` is not installed.
    """
    return cast("Weights", load_library("safetensors.numpy", extra="onnx").load_file(path))


def export_bert(weights: Weights, *, heads: int = 12) -> bytes:
    """A serialised ONNX model of a BERT encoder.

    Inputs ``input_ids`` and ``attention_mask``, (batch, sequence) int64; output
    ``last_hidden_state``, (batch, sequence, hidden) float32. Equal weights give equal bytes.

    Args:
        weights: tensors under BERT's names; their shapes say how many layers and how wide.
        heads: attention heads; divides the hidden width.

    Raises:
        ConfigurationError: when ``onnx`` is not installed.
    """
    return _BertGraph(load_library("onnx", extra="onnx"), weights, heads).serialise()


class _BertGraph:
    """Collects nodes and constants; a method per part of the network, each returning a name."""

    def __init__(self, onnx: Any, weights: Weights, heads: int) -> None:
        self._onnx = onnx
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._hidden = weights["embeddings.LayerNorm.weight"].shape[0]
        self._layers = sum(name.endswith("attention.self.query.bias") for name in weights)
        self._split = self._constant("split", np.array([0, 0, heads, self._hidden // heads]))
        self._join = self._constant("join", np.array([0, 0, self._hidden]))
        self._scale = self._number("scale", (self._hidden / heads) ** 0.5)
        self._root_two = self._number("root_two", 2**0.5)
        self._half = self._number("half", 0.5)
        self._one = self._number("one", 1.0)

    def serialise(self) -> bytes:
        mask = self._mask()
        state = self._embeddings()
        for index in range(self._layers):
            state = self._layer(f"encoder.layer.{index}", state, mask)
        self._node("Identity", [state], "last_hidden_state")
        make, integer = self._onnx.helper, self._onnx.TensorProto.INT64
        axes = ["batch", "sequence"]
        graph = make.make_graph(
            self._nodes,
            "bert",
            [
                make.make_tensor_value_info(n, integer, axes)
                for n in ("input_ids", "attention_mask")
            ],
            [self._output(make, [*axes, self._hidden])],
            self._constants,
        )
        opsets = [make.make_opsetid("", _OPSET)]
        model = make.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
        return cast("bytes", model.SerializeToString(deterministic=True))

    def _output(self, make: Any, shape: list[Any]) -> Any:
        return make.make_tensor_value_info("last_hidden_state", self._onnx.TensorProto.FLOAT, shape)

    def _embeddings(self) -> str:
        # Every token is of segment 0, whose vector is therefore part of the position's.
        segment = self._weights["embeddings.token_type_embeddings.weight"][0]
        positions = self._weights["embeddings.position_embeddings.weight"] + segment
        start = self._constant("start", np.array([0]))
        length = self._node("Shape", ["input_ids"], "length", start=1, end=2)
        table = self._constant("positions", positions)
        words = self._weight("embeddings.word_embeddings.weight")
        places = self._node("Slice", [table, start, length, start], "places")
        tokens = self._node("Gather", [words, "input_ids"], "tokens")
        total = self._node("Add", [tokens, places], "tokens_at_places")
        return self._normalised("embeddings.LayerNorm", total)

    def _mask(self) -> str:
        """(batch, 1, 1, sequence): 0 for a token, very negative for padding."""
        kept = self._node("Cast", ["attention_mask"], "kept", to=self._onnx.TensorProto.FLOAT)
        axes = self._constant("mask_axes", np.array([1, 2]))
        kept = self._node("Unsqueeze", [kept, axes], "kept_per_score")
        padded = self._node("Sub", [self._one, kept], "padded")
        return self._node("Mul", [padded, self._number("masked", _MASKED)], "mask")

    def _layer(self, at: str, state: str, mask: str) -> str:
        mixed = self._linear(f"{at}.attention.output.dense", self._attention(at, state, mask))
        residual = self._node("Add", [mixed, state], f"{at}.attention.residual")
        state = self._normalised(f"{at}.attention.output.LayerNorm", residual)
        wide = self._gelu(f"{at}.gelu", self._linear(f"{at}.intermediate.dense", state))
        narrow = self._linear(f"{at}.output.dense", wide)
        residual = self._node("Add", [narrow, state], f"{at}.residual")
        return self._normalised(f"{at}.output.LayerNorm", residual)

    def _attention(self, at: str, state: str, mask: str) -> str:
        query = self._per_head(f"{at}.attention.self.query", state, (0, 2, 1, 3))
        key = self._per_head(f"{at}.attention.self.key", state, (0, 2, 3, 1))
        value = self._per_head(f"{at}.attention.self.value", state, (0, 2, 1, 3))
        scores = self._node("MatMul", [query, key], f"{at}.scores")
        scores = self._node("Div", [scores, self._scale], f"{at}.scaled")
        scores = self._node("Add", [scores, mask], f"{at}.masked")
        shares = self._node("Softmax", [scores], f"{at}.shares", axis=-1)
        mixed = self._node("MatMul", [shares, value], f"{at}.mixed")
        mixed = self._node("Transpose", [mixed], f"{at}.mixed_tokens", perm=(0, 2, 1, 3))
        return self._node("Reshape", [mixed, self._join], f"{at}.joined")

    def _per_head(self, at: str, state: str, order: tuple[int, ...]) -> str:
        split = self._node("Reshape", [self._linear(at, state), self._split], f"{at}.split")
        return self._node("Transpose", [split], f"{at}.heads", perm=order)

    def _gelu(self, at: str, x: str) -> str:
        """Exact: x · (1 + erf(x/√2)) / 2."""
        error = self._node("Div", [x, self._root_two], f"{at}.over_root_two")
        error = self._node("Erf", [error], f"{at}.erf")
        error = self._node("Add", [error, self._one], f"{at}.plus_one")
        product = self._node("Mul", [x, error], f"{at}.product")
        return self._node("Mul", [product, self._half], at)

    def _linear(self, at: str, x: str) -> str:
        matrix = self._constant(f"{at}.matrix", self._weights[f"{at}.weight"].T)
        product = self._node("MatMul", [x, matrix], f"{at}.product")
        return self._node("Add", [product, self._weight(f"{at}.bias")], at)

    def _normalised(self, at: str, x: str) -> str:
        inputs = [x, self._weight(f"{at}.weight"), self._weight(f"{at}.bias")]
        return self._node("LayerNormalization", inputs, at, axis=-1, epsilon=1e-12)

    def _weight(self, name: str) -> str:
        return self._constant(name, self._weights[name])

    def _number(self, name: str, value: float) -> str:
        return self._constant(name, np.array(value, dtype=np.float32))

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        tensor = self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        self._constants.append(tensor)
        return name

    def _node(self, operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        node = self._onnx.helper.make_node(operator, inputs, [name], name=name, **attributes)
        self._nodes.append(node)
        return name
