"""ParetoBandit 0.1.1 as its authors run it, on its own features, beside our policies.

Its router is driven as in the demo that ships with it: ADAPTIVE pacing with the shipped defaults,
realised cost told before the feedback, learning all the way. It starts in one of three ways:

- ``shipped``: the priors that ship with it and the settings it tuned for them, as its demo does;
- ``quick_start``: ``priors="none"`` and otherwise what its quick start leaves at the default, a
  static cost penalty of .3 beside the pacer's;
- ``tuned``: no priors, the settings it tuned for that, and no static penalty, as in its ablation.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from conduit.core.arms import Arm
from conduit.core.statistics import Array
from conduit.evaluation.setting import Moment
from conduit.evaluation.stream import Stream

if TYPE_CHECKING:
    from pareto_bandit import BanditRouter

Start = Literal["shipped", "quick_start", "tuned"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeerSteps:
    """What the peer did at each of n steps: quality (n,), cost (n,) in USD, arms (n,)."""

    quality: Array
    cost: Array
    arms: NDArray[np.intp]


def peer_contexts(embeddings: Array) -> Array:
    """(n, 26) its features: the shipped PCA, whitened, and a bias.

    Args:
        embeddings: (n, 384) of all-MiniLM-L6-v2, which is its encoder too.
    """
    import joblib  # type: ignore[import-untyped] # noqa: PLC0415  # in an extra
    from pareto_bandit.config import DEFAULT_PCA_PATH  # noqa: PLC0415  # in an extra

    with warnings.catch_warnings():
        # It was pickled by another version of scikit-learn; a PCA is two arrays in all of them.
        warnings.simplefilter("ignore")
        pca = joblib.load(DEFAULT_PCA_PATH)
    whitened = pca.transform(embeddings) / np.sqrt(np.maximum(pca.explained_variance_, 1e-12))
    return np.column_stack([whitened, np.ones(len(embeddings))])


class ParetoBanditPeer:
    """One router of theirs over the arms of a stream.

    Args:
        stream: the prompts, and what every arm would have given.
        contexts: (n, 26) from :func:`peer_contexts`.
        budget: USD per request.
        start: how it starts.
        seed: breaks its ties.
        models: ids of the arms it begins with; None begins with all of the stream's.
    """

    def __init__(
        self,
        stream: Stream,
        contexts: Array,
        *,
        budget: float,
        start: Start,
        seed: int,
        models: Sequence[str] | None = None,
    ) -> None:
        self._stream, self._contexts = stream, contexts
        self._column = {arm.id: k for k, arm in enumerate(stream.arms)}
        self._names = [arm.id for arm in stream.arms] if models is None else list(models)
        self._router = _router(
            self._names, contexts.shape[1], budget=budget, start=start, seed=seed
        )

    def add(self, arm: Arm) -> None:
        """Tell it of one more arm, with its list price and nothing else."""
        assert arm.price is not None
        self._names.append(arm.id)
        self._router.register_model(
            arm.id, input_cost_per_m=arm.price.input, output_cost_per_m=arm.price.output
        )

    def force(self, arm: Arm, rows: Sequence[int]) -> PeerSteps:
        """Send these prompts to one arm, as a caller would who wants it tried; it learns from them."""
        index, column = np.asarray(rows, np.intp), self._column[arm.id]
        quality, cost = self._stream.quality[index, column], self._stream.cost[index, column]
        for row, reward, paid in zip(rows, quality.tolist(), cost.tolist(), strict=True):
            self._router.update(arm.id, self._contexts[row], reward)
            assert self._router.budget_pacer is not None
            self._router.budget_pacer.observe(paid)
        return PeerSteps(quality=quality, cost=cost, arms=np.full(len(rows), column))

    def label(self, rows: Sequence[int]) -> None:
        """Give it the reward of every arm for these prompts; one tick of its clock a prompt."""
        quality = self._stream.quality
        for row in rows:
            for name in self._names:
                last = name == self._names[-1]
                context, reward = self._contexts[row], float(quality[row, self._column[name]])
                self._router.update(name, context, reward, advance_time=last)

    def reprice(self, name: str, factor: float) -> None:
        """Tell it the price of a model, as its own demo does: a multiple of the one it ships."""
        shipped = _registry([name])[name]
        self._router.update_model_pricing(name, **{k: factor * v for k, v in shipped.items()})

    def run(self, rows: Sequence[int], moment: Moment | None = None) -> PeerSteps:
        """Route these prompts in order, learning from each.

        Args:
            rows: positions in the stream.
            moment: how all of these steps differ from what was recorded; None for not at all.
        """
        stream, router = self._stream, self._router
        steps = PeerSteps(
            quality=np.empty(len(rows)), cost=np.empty(len(rows)), arms=np.empty(len(rows), np.intp)
        )
        for step, row in enumerate(rows):
            chosen, log = router.route(self._contexts[row])
            arm = self._column[chosen]
            better, dearer = (1.0, 1.0) if moment is None else moment.of(arm)
            quality = better * float(stream.quality[row, arm])
            log.cost_usd = dearer * float(stream.cost[row, arm])
            router.process_feedback(log.request_id, reward=quality)
            steps.quality[step], steps.cost[step], steps.arms[step] = quality, log.cost_usd, arm
        return steps


def _router(
    names: Sequence[str], dim: int, *, budget: float, start: Start, seed: int
) -> BanditRouter:
    from pareto_bandit import BanditRouter  # noqa: PLC0415  # in an extra
    from pareto_bandit.budget_pacer import BudgetPacer  # noqa: PLC0415  # in an extra
    from pareto_bandit.feature_service import FeatureService  # noqa: PLC0415  # in an extra

    logging.getLogger("pareto_bandit").setLevel(logging.ERROR)
    return BanditRouter.create(
        model_registry=_registry(names),
        feature_service=FeatureService.for_precomputed(dim),
        priors="warmup" if start == "shipped" else "none",
        budget_pacer=BudgetPacer(target_avg_spend_usd=budget),
        bandit_seed=seed,
        **_settings(start),
    )


def _settings(start: Start) -> dict[str, Any]:
    from pareto_bandit.config import BEST_K3_HPARAMS, BEST_K3_TABULA_RASA_HPARAMS  # noqa: PLC0415

    if start == "quick_start":
        return {}
    tuned = BEST_K3_HPARAMS if start == "shipped" else BEST_K3_TABULA_RASA_HPARAMS
    named = {key: tuned[key] for key in ("prior_n_effective", "alpha", "forgetting_factor")}
    return {**named, "cost_penalty": 0.0}


def _registry(names: Sequence[str]) -> dict[str, dict[str, float]]:
    """The prices it ships for these models."""
    from pareto_bandit.config import DEFAULT_MODEL_REGISTRY_PATH  # noqa: PLC0415  # in an extra

    shipped = json.loads(DEFAULT_MODEL_REGISTRY_PATH.read_text())["models"]
    prices = {
        model["model_id"]: {key: model[key] for key in ("input_cost_per_m", "output_cost_per_m")}
        for model in shipped
    }
    return {name: prices[name] for name in names}
