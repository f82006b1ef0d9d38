"""The ONNX graph against BERT written out in numpy."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from scipy.special import erf, softmax

from conduit.features.encoders.minilm_export import Weights, export_bert
from tests.features.encoders import tiny

Array = np.ndarray


def dense(weights: Weights, name: str, x: Array) -> Array:
    return x @ weights[f"{name}.weight"].T.astype(float) + weights[f"{name}.bias"]


def norm(weights: Weights, name: str, x: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    unit = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return unit * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def bert(weights: Weights, ids: Array) -> Array:
    """Token states of one unpadded text, (t, hidden), in float64, head by head."""
    x = weights["embeddings.word_embeddings.weight"][ids].astype(float)
    x += weights["embeddings.position_embeddings.weight"][: len(ids)]
    x += weights["embeddings.token_type_embeddings.weight"][0]
    x = norm(weights, "embeddings.LayerNorm", x)
    for layer in (f"encoder.layer.{index}" for index in range(tiny.LAYERS)):
        q, k, v = (
            np.split(dense(weights, f"{layer}.attention.self.{part}", x), tiny.HEADS, axis=1)
            for part in ("query", "key", "value")
        )
        size = tiny.HIDDEN // tiny.HEADS
        mixed = [softmax(a @ b.T / size**0.5, axis=1) @ c for a, b, c in zip(q, k, v, strict=True)]
        mixed = dense(weights, f"{layer}.attention.output.dense", np.hstack(mixed))
        x = norm(weights, f"{layer}.attention.output.LayerNorm", x + mixed)
        wide = dense(weights, f"{layer}.intermediate.dense", x)
        wide = wide * (1 + erf(wide / 2**0.5)) / 2
        x = norm(
            weights, f"{layer}.output.LayerNorm", x + dense(weights, f"{layer}.output.dense", wide)
        )
    return x


@pytest.fixture(scope="module")
def graph() -> bytes:
    """The tiny network's graph."""
    return export_bert(tiny.weights(), heads=tiny.HEADS)


def test_graph_is_valid(graph: bytes) -> None:
    """The checker accepts the graph, and it uses standard operators only."""
    model = onnx.load_from_string(graph)
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}


def test_graph_computes_bert(graph: bytes) -> None:
    """The graph computes BERT, for texts of several lengths, alone and padded together."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    texts = [rng.integers(0, len(tiny.VOCABULARY), length) for length in (2, 5, 17)]
    ids, mask = np.zeros((3, 17), np.int64), np.zeros((3, 17), np.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    (padded,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    for row, text in enumerate(texts):
        expected = bert(tiny.weights(), text)
        feed = {"input_ids": text[None], "attention_mask": np.ones((1, len(text)), np.int64)}
        np.testing.assert_allclose(session.run(None, feed)[0][0], expected, atol=2e-5)
        np.testing.assert_allclose(padded[row, : len(text)], expected, atol=2e-5)


def test_equal_weights_equal_bytes(graph: bytes) -> None:
    """The same weights give the same file, other weights another."""
    assert export_bert(tiny.weights(), heads=tiny.HEADS) == graph
    assert export_bert(tiny.weights(seed=1), heads=tiny.HEADS) != graph
