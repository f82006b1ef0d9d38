"""Which prompts do cheap models fail at? Fits the shipped weights of the difficulty.

Run with ``python -m experiments.fit_difficulty`` (a few minutes where no embeddings are cached). It
writes ``conduit/features/data/difficulty.json`` and prints its SHA-256, which
``conduit.features.difficulty.SHIPPED`` has to say.

It fits on tuning data alone: ``val`` of paretobandit, the first halves of routellm and mmlu_pro.
The target is ``1 − quality`` of the model that is cheapest there. Weights are those of a ridge
regression on the products ``φ`` of a context's form (bias and signals) with the whole context,
every data set centred and counted alike, which also holds still where texts of
``experiments.injections`` are appended to prompts:

``w = argmin Σ_D 3000/n_D Σ (y − φ·w)² + 10 ‖w‖² + 10 Σ (w·(φ′ − φ))²``

They are scaled to a standard deviation of .7 over the data, where the tanh that bounds them still
tells prompts apart. The products, and penalties from {1, 3, 10} and {0, 1, 10, 100}, were chosen by
five-fold cross-validation on the same data: its mean rank correlation with MiniLM was .25 without
products and .32 with them, with hashing .15 and .26. ``python -m experiments.difficulty`` says what
the difficulty is worth.
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
from conduit.features.difficulty import Difficulty, shipped_weights
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
FORM = 1 + len(SIGNAL_NAMES)
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


def plain_analyzer(encoder: Encoder) -> Analyzer:
    """One that judges no difficulty, as nothing was fitted yet."""
    nothing = Difficulty(name="none", weights=np.zeros((1, 1)))
    projection = load_projection(encoder.name, encoder.dim)
    return Analyzer(encoder, projection, difficulty=nothing)


def contexts(analyzer: Analyzer, texts: Sequence[str]) -> Floats:
    """Contexts (n, d)."""
    return np.stack([it.context for it in analyzer.analyze_many(texts)]).astype(np.float64)


def attacked(analyzer: Analyzer) -> tuple[Floats, Floats]:
    """Contexts (n, d) of prompts, and of the same with injections appended."""
    after = [victim + gap + it for it in INJECTIONS for victim in VICTIMS for gap in ("\n", " ")]
    before = [victim for _ in INJECTIONS for victim in VICTIMS for _ in range(2)]
    return contexts(analyzer, before), contexts(analyzer, after)


def fitted(
    found: Sequence[tuple[Floats, Floats]], attacks: tuple[Floats, Floats], *, width: int
) -> Floats:
    """Weights (9, m).

    Args:
        found: contexts (n, d) and failures (n,) per data set.
        attacks: contexts of prompts before and after.
        width: m, numbers of a context that are looked at.
    """
    before, after = (_products(x, width) for x in attacks)
    moved = after - before
    left = RIDGE * np.eye(moved.shape[1]) + STILL * moved.T @ moved
    right = np.zeros(moved.shape[1])
    products = [_products(x, width) for x, _ in found]
    for phi, (_, y) in zip(products, found, strict=True):
        centred = phi - phi.mean(axis=0)
        left += WORTH / len(y) * centred.T @ centred
        right += WORTH / len(y) * centred.T @ (y - y.mean())
    w = np.linalg.solve(left, right)
    w *= SPREAD / np.mean([(phi @ w).std() for phi in products])
    bias = -np.mean([np.median(phi @ w) for phi in products])
    return np.concatenate([[bias], w]).reshape(FORM, width)


def main(argv: Sequence[str] | None = None) -> int:
    """Fit for both encoders, and for the signals alone, and write."""
    arguments = parse(NAME, about="Fits the weights of the difficulty.", seeds=1, argv=argv)
    data = samples(replace(arguments, held_out=False))
    encoders: tuple[Encoder, ...] = (encoder_of(arguments), HashingEncoder())
    weights: dict[str, list[list[float]]] = {}
    for encoder in encoders:
        analyzer = plain_analyzer(encoder)
        found = [(contexts(analyzer, it.texts), it.failed) for it in data]
        attacks = attacked(analyzer)
        weights[analyzer.layout] = _rounded(fitted(found, attacks, width=analyzer.dim))
        weights[SIGNALS_VERSION] = _rounded(fitted(found, attacks, width=FORM))
    text = json.dumps({"fitted_on": FITTED_ON, "weights": weights}) + "\n"
    target = Path(str(shipped_weights()))
    target.write_text(text)
    print(f"{target}: SHA-256 {sha256(text.encode()).hexdigest()}", file=sys.stderr)
    return 0


def _products(x: Floats, width: int) -> Floats:
    """Products (n, 9 m − 1) of form and context, that of the two biases left out."""
    both = x[:, :FORM, None] * x[:, None, :width]
    return both.reshape(len(x), -1)[:, 1:]


def _rounded(weights: Floats) -> list[list[float]]:
    rounded: list[list[float]] = weights.round(4).tolist()
    return rounded


if __name__ == "__main__":
    raise SystemExit(main())
