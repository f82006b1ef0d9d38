"""Computed features by text: the key hashes the text, the entry is compact and checked."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from conduit.cache.entries import CorruptEntryError, seal, unseal
from conduit.core.decisions import QueryFeatures

_KIND = b"CFe2"
_SHAPE = struct.Struct("<qdddII")
"""Tokens, complexity, confidence, difficulty, length of the embedding and of the context; then float32."""


def feature_key(edition: str, text: str) -> str:
    """Where the features of a text are kept.

    The edition names the encoder, its weights, the projection, the signals and who judges how hard
    a prompt is, so that nothing is read that another version computed. The text itself is nowhere.
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"conduit:features:{edition}:{digest}"


def size_of(features: QueryFeatures) -> int:
    """Bytes of their numbers, about."""
    return features.embedding.nbytes + features.context.nbytes + _SHAPE.size


def frozen(features: QueryFeatures) -> QueryFeatures:
    """Features to be kept, without the prompt: read-only arrays of their own, shared by all who ask."""
    embedding, context = _frozen(features.embedding), _frozen(features.context)
    return replace(features, embedding=embedding, context=context, text=None)


def _frozen(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    own = np.array(numbers, np.float32)  # a row of a batch would keep all of it alive
    own.setflags(write=False)
    return own


def pack_features(features: QueryFeatures, *, key: str) -> bytes:
    """Features as bytes: 48 + 4 (embedding + context) + the name of the domain."""
    embedding = np.ascontiguousarray(features.embedding, np.dtype("<f4"))
    context = np.ascontiguousarray(features.context, np.dtype("<f4"))
    shape = _SHAPE.pack(
        features.token_count,
        features.complexity_score,
        features.domain_confidence,
        features.difficulty,
        len(embedding),
        len(context),
    )
    body = shape + embedding.tobytes() + context.tobytes() + features.domain.encode()
    return seal(_KIND, body, key=key)


def unpack_features(entry: bytes, *, key: str) -> QueryFeatures:
    """The features that were packed; the arrays are read-only.

    Raises:
        CorruptEntryError: for bytes that are no entry of this version and key.
    """
    body = unseal(_KIND, entry, key=key)
    try:
        tokens, complexity, confidence, difficulty, n, d = _SHAPE.unpack_from(body)
        numbers = np.frombuffer(body, np.dtype("<f4"), count=n + d, offset=_SHAPE.size)
        domain = body[_SHAPE.size + 4 * (n + d) :].decode()
    except (struct.error, ValueError) as error:
        raise CorruptEntryError(str(error)) from error
    return QueryFeatures(
        embedding=numbers[:n],
        context=numbers[n:],
        token_count=tokens,
        complexity_score=complexity,
        domain=domain,
        domain_confidence=confidence,
        difficulty=difficulty,
    )
