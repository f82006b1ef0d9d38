"""From an embedding to the few coordinates that the bandit can afford to learn on."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from numpy.typing import NDArray

PROJECTED_DIM = 32
"""Coordinates that are kept: with 8 signals and the bias, contexts of 41 numbers."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projection:
    """An affine map from embeddings to a few coordinates.

    Args:
        name: identity; equal names give equal coordinates.
        mean: (D,) what is subtracted first.
        components: (p, D) rows, scaled so that the coordinates of ordinary text have a mean
            squared norm of 1 in total.
    """

    name: str
    mean: NDArray[np.float32]
    components: NDArray[np.float32]

    @property
    def dim(self) -> int:
        """Number of coordinates, p."""
        return int(self.components.shape[0])

    def apply(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coordinates (n, p) of embeddings (n, D)."""
        return np.asarray((embeddings - self.mean) @ self.components.T, np.float32)


def shipped_projection() -> Traversable:
    """The file that ``python -m experiments.fit_projection`` writes.

    An archive of numpy arrays: ``encoder`` (identity of the weights), ``name``, ``mean``,
    ``components``, and ``sources`` (what text it was fitted on, how much, under which licence).
    """
    return files("conduit.features") / "data" / "projection_minilm.npz"


def load_projection(encoder_name: str, dim: int) -> Projection:
    """The projection that belongs to an encoder.

    Args:
        encoder_name: identity of its weights, and options after a slash.
        dim: length of its embeddings.

    Returns:
        The fitted one for the weights that it was fitted on, else a random one.
    """
    with shipped_projection().open("rb") as stream, np.load(stream, allow_pickle=False) as shipped:
        if encoder_name.partition("/")[0] != str(shipped["encoder"]):
            return random_projection(dim)
        return Projection(
            name=str(shipped["name"]),
            mean=shipped["mean"].astype(np.float32),
            components=shipped["components"].astype(np.float32),
        )


def random_projection(dim: int, *, coordinates: int = PROJECTED_DIM) -> Projection:
    """A projection for an encoder that nothing was fitted for.

    Random orthonormal directions keep distances in expectation (Johnson and Lindenstrauss); the
    seed is the dimension, so every process projects alike.

    Args:
        dim: length of the embeddings, D.
        coordinates: number kept; all of them when the encoder has fewer.
    """
    kept = min(coordinates, dim)
    gauss = np.random.default_rng(dim).standard_normal((dim, kept))
    basis, triangle = np.linalg.qr(gauss)
    basis *= np.sign(np.diag(triangle)) * np.sqrt(dim / kept)
    return Projection(
        name=f"random{kept}",
        mean=np.zeros(dim, np.float32),
        components=np.ascontiguousarray(basis.T, np.float32),
    )
