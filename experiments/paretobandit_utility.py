"""ParetoBandit 0.1.1 started cold, with a utility as its reward, on the contexts that all peers get.

Its own utility weighs a logarithm of list prices, so a linear one cannot be asked of it through its cost
penalty. It hears the utility as the reward in place of quality, with no penalty and no pacer: its bandit
with the settings it tuned for starting without priors.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from conduit.core.statistics import Array

PRICE = {"input_cost_per_m": 1.0, "output_cost_per_m": 1.0}
"""USD per million tokens, the same for all arms: prices count through the reward alone."""


@dataclass(frozen=True, slots=True)
class ParetoBanditUtility:
    """The one setting there is."""

    library: str = "pareto_bandit"
    bounded: bool = True
    family: str = "ParetoBandit cold"
    name: str = "ParetoBandit cold, tuned"

    def start(self, contexts: Array, arms: int, *, seed: int) -> ParetoBanditLearner:
        """A router that knows nothing yet."""
        return ParetoBanditLearner(contexts, arms, seed=seed)


class ParetoBanditLearner:
    """Its router as a learner of rewards in 0..1.

    Args:
        contexts: (n, d) with the bias first; it is given them with the bias last, as its own are.
        arms: how many there are.
        seed: breaks its ties.
    """

    def __init__(self, contexts: Array, arms: int, *, seed: int) -> None:
        from pareto_bandit import BanditRouter  # noqa: PLC0415  # in an extra
        from pareto_bandit.config import BEST_K3_TABULA_RASA_HPARAMS  # noqa: PLC0415
        from pareto_bandit.feature_service import FeatureService  # noqa: PLC0415  # in an extra

        logging.getLogger("pareto_bandit").setLevel(logging.ERROR)
        tuned = BEST_K3_TABULA_RASA_HPARAMS
        self._contexts = contexts[:, [*range(1, contexts.shape[1]), 0]]
        self._router = BanditRouter.create(
            model_registry={str(arm): PRICE for arm in range(arms)},
            feature_service=FeatureService.for_precomputed(contexts.shape[1]),
            priors="none",
            bandit_seed=seed,
            cost_penalty=0.0,
            **{key: tuned[key] for key in ("prior_n_effective", "alpha", "forgetting_factor")},
        )
        self._request = ""

    def choose(self, row: int) -> int:
        """An arm for the context at that position."""
        chosen, log = self._router.route(self._contexts[row])
        self._request = log.request_id
        return int(chosen)

    def learn(self, row: int, arm: int, reward: float) -> None:  # noqa: ARG002 - it knows both
        """The reward of the arm it just chose."""
        self._router.process_feedback(self._request, reward=reward)
