"""A published encoder small enough for tests: random weights, a real tokenizer, all real files."""

from __future__ import annotations

import string
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from conduit.features.encoders.minilm_export import Weights, export_bert
from conduit.features.encoders.releases import PinnedFile, Release

HIDDEN, HEADS, LAYERS, WIDE = 48, 12, 2, 96
MARKERS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LETTERS = string.ascii_lowercase + string.digits + string.punctuation
VOCABULARY = [*MARKERS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]


def weights(seed: int = 0) -> Weights:
    """Random tensors under BERT's names."""
    rng = np.random.default_rng(seed)

    def tensor(*shape: int, around: float = 0.0) -> np.ndarray:
        return (around + 0.3 * rng.standard_normal(shape)).astype(np.float32)

    def dense(name: str, inputs: int, outputs: int) -> dict[str, np.ndarray]:
        return {f"{name}.weight": tensor(outputs, inputs), f"{name}.bias": tensor(outputs)}

    def norm(name: str) -> dict[str, np.ndarray]:
        return {f"{name}.weight": tensor(HIDDEN, around=1.0), f"{name}.bias": tensor(HIDDEN)}

    found = {
        "embeddings.word_embeddings.weight": tensor(len(VOCABULARY), HIDDEN),
        "embeddings.position_embeddings.weight": tensor(300, HIDDEN),
        "embeddings.token_type_embeddings.weight": tensor(2, HIDDEN),
    } | norm("embeddings.LayerNorm")
    for layer in (f"encoder.layer.{index}" for index in range(LAYERS)):
        for part in ("query", "key", "value"):
            found |= dense(f"{layer}.attention.self.{part}", HIDDEN, HIDDEN)
        found |= dense(f"{layer}.attention.output.dense", HIDDEN, HIDDEN)
        found |= norm(f"{layer}.attention.output.LayerNorm")
        found |= dense(f"{layer}.intermediate.dense", HIDDEN, WIDE)
        found |= dense(f"{layer}.output.dense", WIDE, HIDDEN)
        found |= norm(f"{layer}.output.LayerNorm")
    return found


def save_tokenizer(path: Path) -> None:
    """A WordPiece of letters that, like the official file, cuts and pads at 128 tokens."""
    vocabulary = {token: index for index, token in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_truncation(128)
    tokenizer.enable_padding(length=128)
    tokenizer.save(str(path))


def hub_graph(found: Weights) -> bytes:
    """The same network as the hub publishes it: a third input, the segment of each token."""
    model = onnx.load_from_string(export_bert(found, heads=HEADS))
    segment = onnx.helper.make_tensor_value_info(
        "token_type_ids", onnx.TensorProto.INT64, ["batch", "sequence"]
    )
    model.graph.input.append(segment)
    add = onnx.helper.make_node("Add", ["input_ids", "token_type_ids"], ["ids_in_segment"])
    for node in model.graph.node:
        node.input[:] = ["ids_in_segment" if n == "input_ids" else n for n in node.input]
    model.graph.node.insert(0, add)
    return model.SerializeToString()


def publish(folder: Path, package: str) -> tuple[Release, bytes]:
    """Write an installed package that must never be imported; its release, and the hub's graph."""
    model = folder / package / "model"
    model.mkdir(parents=True)
    (folder / package / "__init__.py").write_text("raise AssertionError('imported')\n")
    found = weights()
    save_file(dict(found), model / "model.safetensors")
    save_tokenizer(model / "tokenizer.json")
    graph = hub_graph(found)
    release = Release(
        name="tiny",
        repository="somebody/tiny",
        revision="f00",
        package=package,
        requirement="tiny-minilm==1.0",
        graph=pinned("onnx/model.onnx", graph),
        weights=pinned("model.safetensors", (model / "model.safetensors").read_bytes()),
        tokenizer=pinned("tokenizer.json", (model / "tokenizer.json").read_bytes()),
    )
    return release, graph


def pinned(path: str, data: bytes) -> PinnedFile:
    """What pins these bytes."""
    return PinnedFile(path=path, sha256=sha256(data).hexdigest(), size=len(data))
