"""The analyzer: a prompt's text to everything the router knows about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.decisions import QueryFeatures
from conduit.core.ports import BriefEncoder, Encoder
from conduit.features.complexity import classify_domain, complexity, estimate_tokens
from conduit.features.difficulty import Difficulty, load_difficulty
from conduit.features.embedding import embedded
from conduit.features.projection import Projection
from conduit.features.signals import SIGNAL_NAMES, SIGNALS_VERSION, raw_signals, scale_signals

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGNAL_SHARE = 0.65
"""Part of the slope features' mean squared norm that the eight signals hold together."""

PROJECTION_SHARE = 0.35
"""Part that the projected embedding holds; the two shares sum to 1, the bias is apart."""

_SIGNAL_WEIGHT = (SIGNAL_SHARE / len(SIGNAL_NAMES)) ** 0.5
_PROJECTION_WEIGHT = PROJECTION_SHARE**0.5


class Analyzer:
    """Text to features; only the text goes in.

    The context is ``[1, signals (8), projected embedding (p)]``. Signals and projection are scaled
    so that over ordinary prompts the slope part (all but the bias) has a mean squared norm of
    about 1, which is the scale that the learner's priors are stated in.

    Args:
        encoder: text to embeddings of ``encoder.dim`` numbers.
        projection: embeddings to p coordinates.
        keep_text: whether features carry the prompt, so that stores keep it.
        difficulty: judges how hard prompts are; None takes the one that ships.
    """

    def __init__(
        self,
        encoder: Encoder,
        projection: Projection,
        *,
        keep_text: bool = False,
        difficulty: Difficulty | None = None,
    ) -> None:
        self._keep_text = keep_text
        self._encoder = encoder
        self._projection = projection
        self._difficulty = difficulty or load_difficulty(self.layout)
        self._brief = encoder.brief if isinstance(encoder, BriefEncoder) else 0

    @property
    def encoder_name(self) -> str:
        """Identity of the encoder's weights."""
        return self._encoder.name

    @property
    def layout(self) -> str:
        """Identity of the context: state learned under one layout means nothing under another."""
        return f"{self._encoder.name}/{self._projection.name}/{SIGNALS_VERSION}"

    @property
    def edition(self) -> str:
        """Identity of all that features hold: the layout, and who judges how hard prompts are."""
        return f"{self.layout}/{self._difficulty.name}"

    @property
    def dim(self) -> int:
        """Length of a context, d = 1 + 8 + p."""
        return 1 + len(SIGNAL_NAMES) + self._projection.dim

    def is_brief(self, text: str) -> bool:
        """Whether analyzing it takes no longer than some 10 ms, by what the encoder says of it."""
        return len(text) <= self._brief and len(text.encode("utf-8", "replace")) <= self._brief

    def analyze(self, text: str) -> QueryFeatures:
        """Features of one prompt.

        Raises:
            ConfigurationError: for an encoder that gives anything but finite numbers.
        """
        return self.analyze_many([text])[0]

    def analyze_many(self, texts: Sequence[str]) -> list[QueryFeatures]:
        """Features of several prompts, encoded as one batch.

        Raises:
            ConfigurationError: for an encoder that gives anything but finite numbers.
        """
        if not texts:
            return []
        embeddings = embedded(self._encoder, texts)
        projected = self._projection.apply(embeddings) * _PROJECTION_WEIGHT
        found = [
            self._features(text, embedding, coordinates)
            for text, embedding, coordinates in zip(texts, embeddings, projected, strict=True)
        ]
        return [self.with_text(it, text) for it, text in zip(found, texts, strict=True)]

    def with_text(self, features: QueryFeatures, text: str) -> QueryFeatures:
        """Features of a prompt, which carry it where prompts are kept."""
        return replace(features, text=text) if self._keep_text else features

    def _features(
        self, text: str, embedding: NDArray[np.float32], coordinates: NDArray[np.float32]
    ) -> QueryFeatures:
        raw = raw_signals(text)
        context = np.empty(1 + len(raw) + len(coordinates), np.float32)
        context[0] = 1.0
        context[1 : 1 + len(raw)] = scale_signals(raw) * _SIGNAL_WEIGHT
        context[1 + len(raw) :] = coordinates
        tokens = estimate_tokens(text)
        domain, confidence = classify_domain(raw)
        return QueryFeatures(
            embedding=embedding,
            context=context,
            token_count=tokens,
            complexity_score=complexity(tokens, raw),
            domain=domain,
            domain_confidence=confidence,
            difficulty=self._difficulty.of(text, context),
        )
