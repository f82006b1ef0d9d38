"""Texts to embeddings that can be reckoned with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from conduit.core.errors import ConfigurationError
from conduit.core.ports import Encoder


def embedded(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Embeddings (n, dim): one number that is none would be in every sum that is learned, for ever.

    Raises:
        ConfigurationError: for an encoder that gives anything but finite numbers.
    """
    embeddings = encoder.encode(texts)
    sound = np.isfinite(embeddings)
    if sound.all():
        return embeddings
    wrong = texts[int(np.argmin(sound.reshape(len(texts), -1).all(axis=1)))]
    raise ConfigurationError(
        f"encoder {encoder.name!r} gives numbers that are not finite for a text of "
        f"{len(wrong)} characters",
        remedy="mend it to give finite numbers for every text, or choose another encoder",
    )
