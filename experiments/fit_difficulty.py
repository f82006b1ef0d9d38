"""Which prompts do cheap models fail at? Fits the shipped weights of the difficulty.

Run with ``python -m experiments.fit_difficulty`` (a few minutes where no embeddings are cached). It
fits on tuning data alone: ``val`` of paretobandit, the first halves of routellm and mmlu_pro. The
target is ``1 − quality`` of the model that is cheapest there. Weights are those of a ridge
regression on contexts, every data set centred and counted alike, which also holds still where
texts of ``experiments.injections`` are appended to prompts:

``w = argmin Σ_D 3000/n_D Σ (y − x·w)² + 10 ‖w‖² + 10 Σ (w·(x′ − x))²``

They are scaled to a standard deviation of .7 over the data, where the tanh that bounds them still
tells prompts apart. The penalties were chosen by five-fold cross-validation on the same data from
{1, 10, 100} and {0, 1, 10, 100}. ``python -m experiments.difficulty`` says what it is worth.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from conduit.features.analyzer import Analyzer
from conduit.features.difficulty import shipped_weights
from conduit.features.encoders.hashing import HashingEncoder
from conduit.features.projection import load_projection
from conduit.features.signals import SIGNAL_NAMES, SIGNALS_VERSION
from experiments.arguments import Arguments, parse
from experiments.injections import INJECTIONS, VICTIMS
from experiments.recorded import DATASETS, encoder_of, tuned_or_unseen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from conduit.core.ports import Encoder

    Floats = NDArray[np.float64]

NAME = "fit_difficulty"
RIDGE, STILL = 10.0, 10.0
"""Penalties on weights, and on what injections move."""
WORTH = 3000.0
"""Prompts that each data set counts as."""
SPREAD = 0.7
FITTED_ON = (
    "1 - quality of the cheapest model on the tuning parts of paretobandit_k4 (val; ParetoBandit "
    "Authors), routellm (first half; lm-sys/RouteLLM) and mmlu_pro (first half; TIGER-AI-Lab), all "
    "Apache-2.0"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Prompts of one data set.

    Args:
        name: of the data set.
        texts: n prompts.
        failed: (n,) how badly the cheapest model did, 0..1.
    """

    name: str
    texts: tuple[str, ...]
    failed: Floats


def samples(arguments: Arguments) -> list[Sample]:
    """The part of each data set that may be seen, with the failures of the cheapest model there."""
    found = []
    for name in DATASETS:
        outcomes = tuned_or_unseen(name, arguments)
        cheapest = int(outcomes.cost.mean(axis=0).argmin())
        failed = 1.0 - outcomes.quality[:, cheapest]
        found.append(Sample(name=name, texts=tuple(outcomes.texts), failed=failed))
    return found


def contexts(analyzer: Analyzer, texts: Sequence[str]) -> Floats:
    """Contexts (n, d)."""
    return np.stack([it.context for it in analyzer.analyze_many(texts)]).astype(np.float64)


def moves(analyzer: Analyzer) -> Floats:
    """How appended injections move contexts, (n, d)."""
    after = [victim + gap + it for it in INJECTIONS for victim in VICTIMS for gap in ("\n", " ")]
    before = [victim for _ in INJECTIONS for victim in VICTIMS for _ in range(2)]
    return contexts(analyzer, after) - contexts(analyzer, before)


def fitted(found: Sequence[tuple[Floats, Floats]], moved: Floats) -> Floats:
    """Weights (m,), the bias first, of contexts (n, m) and failures (n,) per data set."""
    slopes = moved.shape[1] - 1
    left = RIDGE * np.eye(slopes) + STILL * moved[:, 1:].T @ moved[:, 1:]
    right = np.zeros(slopes)
    for x, y in found:
        centred = x[:, 1:] - x[:, 1:].mean(axis=0)
        left += WORTH / len(y) * centred.T @ centred
        right += WORTH / len(y) * centred.T @ (y - y.mean())
    w = np.linalg.solve(left, right)
    w *= SPREAD / np.mean([(x[:, 1:] @ w).std() for x, _ in found])
    bias = -np.mean([np.median(x[:, 1:] @ w) for x, _ in found])
    return np.concatenate([[bias], w])


def main() -> int:
    """Fit for both encoders, and for the signals alone, and write."""
    arguments = parse(NAME, about="Fits the weights of the difficulty.", seeds=1)
    data = samples(replace(arguments, held_out=False))
    encoders: tuple[Encoder, ...] = (encoder_of(arguments), HashingEncoder())
    weights: dict[str, list[float]] = {}
    for encoder in encoders:
        analyzer = Analyzer(encoder, load_projection(encoder.name, encoder.dim))
        found = [(contexts(analyzer, it.texts), it.failed) for it in data]
        moved = moves(analyzer)
        weights[analyzer.layout] = _rounded(fitted(found, moved))
        form = 1 + len(SIGNAL_NAMES)
        weights[SIGNALS_VERSION] = _rounded(
            fitted([(x[:, :form], y) for x, y in found], moved[:, :form])
        )
    text = json.dumps({"fitted_on": FITTED_ON, "weights": weights}, indent=1) + "\n"
    target = Path(str(shipped_weights()))
    target.write_text(text)
    print(f"{target}: SHA-256 {sha256(text.encode()).hexdigest()}", file=sys.stderr)
    return 0


def _rounded(weights: Floats) -> list[float]:
    return [round(float(weight), 4) for weight in weights]


if __name__ == "__main__":
    raise SystemExit(main())
