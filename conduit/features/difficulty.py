"""How hard a prompt is for a cheap model: what it begins by asking for, and what was learned."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from conduit.features.encoders.verified_files import require_hash_of
from conduit.features.hints import task_of
from conduit.features.signals import SIGNALS_VERSION

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from numpy.typing import NDArray

SHIPPED = "3ffdc4dfe433c917ebac416cd94d308d485fa8e6ecde7791418c2c1fa58ca68b"
"""SHA-256 of the weights that ship."""
_LIGHT, _UNTOLD, _WORK = 1.5 / 9, 4.5 / 9, 7.5 / 9
_TASK = {-1: _LIGHT, 0: _UNTOLD, 1: _WORK}
REACH = 0.049
"""Most that all but its beginning moves a prompt's difficulty, up or down."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Difficulty:
    """A classifier that nobody talks into another opinion.

    ``h(task) + .049 tanh(fᵀWx)``, where the word that a prompt begins with decides between 1/6 (what
    is quickly done, as "summarize"), 1/2 (it does not say) and 5/6 (work, as "analyze"), and ``W``
    was fitted to the failures of cheap models, ``x`` being a context and ``f`` its part that tells
    the form. So whatever is appended to a prompt that is more than words of courtesy moves its
    difficulty by less than .1: no prompt argues about itself. The price is that a task which is
    named at the end of a prompt is not seen.

    Args:
        name: identity; equal names judge alike.
        weights: W, (9, m) between bias and signals of a context and its first m ≤ d numbers.
    """

    name: str
    weights: NDArray[np.float64]

    def of(self, text: str, context: NDArray[np.float32]) -> float:
        """Difficulty of a prompt, 0 (anyone can) to 1.

        Args:
            text: the prompt.
            context: (d,) its context.
        """
        rows, columns = self.weights.shape
        learned = float(context[:rows] @ self.weights @ context[:columns])
        return _TASK[task_of(text)] + REACH * math.tanh(learned)


def raw_score_of(difficulty: float) -> int:
    """A difficulty as a whole number from 1 (anyone can) to 10: ``1 + ⌊9 d⌋``.

    Prompts that begin alike have the same one: what was learned stays within a ninth.
    """
    return 1 + math.floor(9 * difficulty)


def shipped_weights() -> Traversable:
    """The file that ``python -m experiments.fit_difficulty`` writes.

    JSON: ``fitted_on`` (which data, under which licence), and ``weights`` by the layout of the
    contexts that they are for.
    """
    return files("conduit.features") / "data" / "difficulty.json"


def load_difficulty(layout: str) -> Difficulty:
    """The classifier for contexts of a layout.

    Args:
        layout: identity of encoder, projection and signals.

    Returns:
        The one fitted for that layout, else one that looks at the eight signals alone.

    Raises:
        ConfigurationError: when the file is not the one that shipped.
    """
    source = shipped_weights()
    data = require_hash_of(source.read_bytes(), SHIPPED, source=str(source))
    weights = json.loads(data)["weights"]
    chosen = np.array(weights.get(layout, weights[SIGNALS_VERSION]))
    return Difficulty(name=f"difficulty-{SHIPPED[:8]}", weights=chosen)
