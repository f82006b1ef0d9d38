"""What a replay was worth: against every fixed model, random choice, and the best mixture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.errors import InvalidInputError
from conduit.evaluation.frontier import mixture_quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RANDOM = "random"
"""Name of the baseline that chooses every model with the same probability."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Steps:
    """What happened at each of n prompts of a replay.

    Args:
        arms: (n,) index of the model that served, 0..K-1.
        quality: (n,) quality obtained, 0..1.
        cost: (n,) USD spent on the prompt, failed attempts included.
    """

    arms: NDArray[np.intp]
    quality: Floats
    cost: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcomes:
    """What every model would have given for the same n prompts, in the same order.

    Args:
        models: K names.
        quality: (n, K) in 0..1.
        cost: (n, K) USD.
    """

    models: Sequence[str]
    quality: Floats
    cost: Floats


@dataclass(frozen=True, slots=True)
class Baseline:
    """What another way of choosing gives on the same prompts.

    Args:
        quality: mean per prompt, 0..1.
        spend_usd: total over all prompts.
    """

    quality: float
    spend_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """Figures of one replay. Qualities are means per prompt; spend and savings are totals.

    Args:
        prompts: number of prompts.
        quality: mean per prompt, 0..1.
        quality_standard_error: of that mean over prompts; None for a single prompt.
        spend_usd: total.
        best_model: the fixed model with the highest mean quality, the cheapest of equals.
        saved_usd: total, against always using the best model; negative when more was spent.
        saved_pct: the same in percent of the best model's spend; 0 when that is free.
        quality_retained: quality as a share of the best model's; above 1 when better.
        mixture_quality_at_same_spend: mean quality of the best constant mixture of fixed models
            that spends the same mean per prompt.
        baselines: every fixed model by name, and ``random``: the expected value of a uniform
            choice, computed and not sampled.
        shares: per model, the fraction of prompts it served; sums to 1.
    """

    prompts: int
    quality: float
    quality_standard_error: float | None
    spend_usd: float
    best_model: str
    saved_usd: float
    saved_pct: float
    quality_retained: float
    mixture_quality_at_same_spend: float
    baselines: Mapping[str, Baseline]
    shares: Mapping[str, float]


def replay_report(steps: Steps, outcomes: Outcomes) -> ReplayReport:
    """Compare what a replay did with everything it could have been.

    Args:
        steps: what happened, prompt by prompt.
        outcomes: what every model would have given, on the same prompts.

    Raises:
        InvalidInputError: for no prompts, shapes that differ, or an arm that is none of K.
    """
    _check(steps, outcomes)
    n = len(steps.arms)
    mean_quality, mean_cost = outcomes.quality.mean(axis=0), outcomes.cost.mean(axis=0)
    best = int(np.lexsort((mean_cost, -mean_quality))[0])
    best_quality, best_spend = float(mean_quality[best]), float(n * mean_cost[best])
    quality, spend = float(steps.quality.mean()), float(steps.cost.sum())
    return ReplayReport(
        prompts=n,
        quality=quality,
        quality_standard_error=_standard_error(steps.quality),
        spend_usd=spend,
        best_model=outcomes.models[best],
        saved_usd=best_spend - spend,
        saved_pct=100 * (best_spend - spend) / best_spend if best_spend else 0.0,
        quality_retained=quality / best_quality if best_quality else 1.0,
        mixture_quality_at_same_spend=mixture_quality(mean_cost, mean_quality, spend / n),
        baselines=_baselines(outcomes),
        shares=_shares(steps.arms, outcomes.models),
    )


def _baselines(outcomes: Outcomes) -> dict[str, Baseline]:
    n = len(outcomes.quality)
    quality, cost = outcomes.quality.mean(axis=0), outcomes.cost.mean(axis=0)
    fixed = {
        model: Baseline(float(q), float(n * c))
        for model, q, c in zip(outcomes.models, quality, cost, strict=True)
    }
    return {**fixed, RANDOM: Baseline(float(quality.mean()), float(n * cost.mean()))}


def _shares(arms: NDArray[np.intp], models: Sequence[str]) -> dict[str, float]:
    counts = np.bincount(arms, minlength=len(models))
    return {model: int(count) / len(arms) for model, count in zip(models, counts, strict=True)}


def _standard_error(values: Floats) -> float | None:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def _check(steps: Steps, outcomes: Outcomes) -> None:
    n, k = len(steps.arms), len(outcomes.models)
    if not n:
        raise InvalidInputError("a replay of 0 prompts", remedy="replay at least one")
    for name, values, shape in (
        ("quality of steps", steps.quality, (n,)),
        ("cost of steps", steps.cost, (n,)),
        ("quality of outcomes", outcomes.quality, (n, k)),
        ("cost of outcomes", outcomes.cost, (n, k)),
    ):
        if values.shape != shape:
            raise InvalidInputError(
                f"{name} has shape {values.shape}, not {shape}",
                remedy="give the outcomes of the prompts that were replayed, in their order",
            )
    wrong = steps.arms[(steps.arms < 0) | (steps.arms >= k)]
    if len(wrong):
        raise InvalidInputError(
            f"arm {wrong[0]} is none of {k} models", remedy=f"give indices 0..{k - 1}"
        )
