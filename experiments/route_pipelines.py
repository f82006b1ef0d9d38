"""Two whole routers, from a prompt to a logged decision: ours, and ParetoBandit's as it ships."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter, process_time
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from conduit.core.errors import ConfigurationError
from conduit.core.models import Query
from conduit.core.ports import Encoder
from conduit.engines.engine import Engine
from conduit.engines.router import Router
from conduit.engines.simulator import recorded_arms
from conduit.features.encoders.libraries import load_library
from conduit.features.encoders.releases import MINILM
from conduit.feedback.ratings import Feedback
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from experiments.recorded import PARETO_MODELS

Parts: TypeAlias = Mapping[str, float]
"""Seconds per part of one routing."""

Event: TypeAlias = Callable[[str], Awaitable[Parts]]
"""Something timed, on one prompt."""


class Ours:
    """``Router.route`` with everything in memory and no cache.

    Args:
        router: opened at first use.
    """

    def __init__(self, router: Router) -> None:
        self._router = router

    async def engine(self) -> Engine:
        """What is inside the router."""
        return await self._router.open()

    async def whole(self, prompt: str) -> Parts:
        """Seconds of ``Router.route``, the hand-over to a thread and back included."""
        worked, start = process_time(), perf_counter()
        await self._router.route(prompt)
        return {"route": perf_counter() - start, "processor": process_time() - worked}

    async def parts(self, prompt: str) -> Parts:
        """Seconds of its three steps, called one after the other without leaving the thread."""
        engine, query = await self.engine(), Query(prompt)
        start = perf_counter()
        features = engine.analyzer.analyze(query.text)
        encoded = perf_counter()
        decision = engine.decider.decide(query, features, engine.learner.models)
        decided = perf_counter()
        await engine.learner.record(decision)
        await engine.observer.decided(decision)
        recorded = perf_counter()
        return {
            "encode": encoded - start,
            "decide": decided - encoded,
            "record": recorded - decided,
        }

    async def live(self, observations: int, prompts: Sequence[str], *, seed: int) -> None:
        """Go through a history: so many ratings, each of a decision of its own.

        Decisions are copies of those made for ``prompts``; everything after that is what a router
        does when it is told a rating.
        """
        engine = await self.engine()
        made = [await self._router.route(prompt) for prompt in prompts]
        ratings = np.random.default_rng(seed).random(observations)
        for i, rating in enumerate(ratings.tolist()):
            decision = replace(made[i % len(made)], id=f"history-{i}")
            await engine.learner.record(decision)
            await engine.observer.rated(decision.id, Feedback(quality_score=rating))


class Theirs:
    """ParetoBandit 0.1.1 with its shipped features, priors and stores, on sentence-transformers.

    It runs on one thread, and leaves torch at that.

    Args:
        folder: of the encoder's weights; the same ones that ours are made from.

    Raises:
        ConfigurationError: when a library is not installed.
    """

    def __init__(self, folder: str) -> None:
        load_library("sentence_transformers", extra="ml")
        load_library("torch", extra="ml").set_num_threads(1)
        from pareto_bandit import BanditRouter  # noqa: PLC0415  # in an extra
        from pareto_bandit.config import DEFAULT_PCA_PATH  # noqa: PLC0415  # in an extra
        from pareto_bandit.feature_service import FeatureService  # noqa: PLC0415  # in an extra

        logging.getLogger("pareto_bandit").setLevel(logging.ERROR)
        self._features = FeatureService(encoder_model=folder, pca_path=DEFAULT_PCA_PATH)
        with warnings.catch_warnings():
            # Its PCA was pickled by another version of scikit-learn; it is two arrays in all.
            warnings.simplefilter("ignore")
            self._router = BanditRouter.create(feature_service=self._features, bandit_seed=0)

    def embedding(self, prompt: str) -> NDArray[np.float64]:
        """Its embedding (384,) of a prompt."""
        return np.asarray(self._features.encode_prompt(prompt))

    async def whole(self, prompt: str) -> Parts:
        """Seconds of its ``route``."""
        worked, start = process_time(), perf_counter()
        self._router.route(prompt)
        return {"route": perf_counter() - start, "processor": process_time() - worked}

    async def parts(self, prompt: str) -> Parts:
        """Seconds of its features, and of its decision, which logs itself."""
        start = perf_counter()
        context = self._features.extract_features(prompt)
        encoded = perf_counter()
        self._router.route(context)
        return {"encode": encoded - start, "decide": perf_counter() - encoded}


def open_ours(encoder: Encoder) -> Ours:
    """A router over the three models of ParetoBandit's portfolio, at list prices, uncached."""
    arms = recorded_arms(PARETO_MODELS)
    settings = replace(Settings.load(), feature_cache_bytes=0)
    return Ours(Router(arms, encoder=encoder, client=ScriptedProvider(), seed=0, settings=settings))


def open_theirs() -> Theirs:
    """Their router over the same models, on the weights that are installed.

    Raises:
        ConfigurationError: when weights or libraries are not installed.
    """
    if MINILM.folder is None:
        raise ConfigurationError(
            f"the weights of {MINILM.name} are not installed",
            remedy=f"run: {MINILM.install_command}",
        )
    return Theirs(str(MINILM.folder))
