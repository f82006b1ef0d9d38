"""What full information is worth on the same features: ridge regressions on every arm's outcomes.

It is no router, since nobody sees the answers of models that were not asked, and its price of money is
chosen in hindsight. It says how much of what the features hold a learner has found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from conduit.core.statistics import Array
from conduit.evaluation.stream import Stream

Worth: TypeAlias = tuple[float, float]
"""Mean quality, and mean spend in USD."""
RIDGES = np.logspace(-2, 3, 11)
"""Penalties tried by leave-one-out."""
HALVINGS = 60


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """Expectations for n prompts: quality (n, K) and cost (n, K) in USD."""

    quality: Array
    cost: Array


def ridge_estimates(learn: Stream, measure: Stream) -> Expected:
    """Fit quality and log cost of every arm on one stream, and expect them on another."""
    quality = [_fitted(learn.contexts, y, measure.contexts)[0] for y in learn.quality.T]
    costs = []
    for y in np.log(learn.cost).T:
        mean, residual = _fitted(learn.contexts, y, measure.contexts)
        # The mean of a skewed quantity, without assuming how it is skewed (Duan 1983).
        costs.append(np.exp(mean) * np.exp(residual).mean())
    return Expected(quality=np.column_stack(quality), cost=np.column_stack(costs))


def within_budget(expected: Expected, measure: Stream, budget: float) -> Worth:
    """Mean quality and mean spend at the price of money that in hindsight spends the budget.

    Args:
        expected: of the prompts of ``measure``.
        measure: what really happened.
        budget: USD per prompt.
    """
    free, dear, cheap = _around(expected, measure, lambda found: found[1] > budget)
    if free[1] <= budget:
        return free
    if cheap[1] > budget or dear[1] == cheap[1]:
        return cheap
    share = (budget - cheap[1]) / (dear[1] - cheap[1])
    return cheap[0] + share * (dear[0] - cheap[0]), budget


def within_quality(expected: Expected, measure: Stream, quality: float) -> Worth:
    """Mean quality and mean spend at the price of money that in hindsight just reaches a quality.

    Args:
        expected: of the prompts of ``measure``.
        measure: what really happened.
        quality: mean per prompt; where no price reaches it, money does not matter.
    """
    free, dear, cheap = _around(expected, measure, lambda found: found[0] >= quality)
    if free[0] < quality or cheap[0] >= quality:
        return free if free[0] < quality else cheap
    share = (quality - cheap[0]) / (dear[0] - cheap[0])
    return quality, cheap[1] + share * (dear[1] - cheap[1])


def _around(
    expected: Expected, measure: Stream, too_free: Callable[[Worth], bool]
) -> tuple[Worth, Worth, Worth]:
    """Without a price of money, and on both sides of the price where spending is no longer too free."""
    low, high = 0.0, 1e9
    for _ in range(HALVINGS):
        price = 0.5 * (low + high) if low == 0 else float(np.sqrt(low * high))
        low, high = (price, high) if too_free(_greedy(expected, measure, price)) else (low, price)
    free, dear, cheap = (_greedy(expected, measure, price) for price in (0.0, low, high))
    return free, dear, cheap


def _greedy(expected: Expected, measure: Stream, price: float) -> Worth:
    arms = (expected.quality - price * expected.cost).argmax(axis=1)
    rows = np.arange(len(measure))
    return float(measure.quality[rows, arms].mean()), float(measure.cost[rows, arms].mean())


def _fitted(X: Array, y: Array, at: Array) -> tuple[Array, Array]:
    """Predictions at other contexts, and residuals on these."""
    from sklearn.linear_model import RidgeCV  # type: ignore[import-untyped] # noqa: PLC0415  # in an extra

    model = RidgeCV(alphas=RIDGES).fit(X[:, 1:], y)
    return model.predict(at[:, 1:]), y - model.predict(X[:, 1:])
