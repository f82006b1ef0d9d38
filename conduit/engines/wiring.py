"""Wiring: from settings and arguments to the parts of a router. Imports no router."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from conduit.bandits.models import ArmModels
from conduit.bandits.neighbours import NearestNeighbours
from conduit.bandits.policies import Policy, policy_named
from conduit.cache.memory import MemoryCache
from conduit.core.arms import Arm
from conduit.core.clocks import SystemClock
from conduit.core.errors import InvalidInputError
from conduit.core.forgetting import Forgetting
from conduit.core.models import OptimizeFor
from conduit.core.ports import Clock, ModelClient, Store
from conduit.core.statistics import LearnedState
from conduit.engines.answer_cache import MOST_BYTES, AnswerCache
from conduit.engines.breakers import Breakers
from conduit.engines.caching import Caches, open_caches
from conduit.engines.callable_models import check_callable
from conduit.engines.configured import (
    actor_of,
    catalog_of,
    encoder_of,
    portfolio_from,
    store_from,
)
from conduit.engines.decider import Decider
from conduit.engines.executor import Executor
from conduit.engines.fallback import Patience
from conduit.engines.goals import Goal
from conduit.engines.labelled import open_neighbours
from conduit.engines.learner import Learner
from conduit.engines.options import Options
from conduit.engines.portfolio import Portfolio, check_priced
from conduit.engines.shared_portfolio import SharedPortfolio
from conduit.engines.till import OpenTills
from conduit.engines.wishing import DecisionRules
from conduit.features.analyzer import Analyzer
from conduit.features.projection import load_projection
from conduit.providers.choosing import client_for
from conduit.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A router's parts before its encoder is loaded.

    Args:
        portfolio: the models to begin with.
        till: opens tills in the place of the ledger's; None pays from the budgets of the store.
    """

    settings: Settings
    options: Options
    goal: Goal
    portfolio: Portfolio
    store: Store
    caches: Caches
    client: ModelClient
    clock: Clock
    timeout: float
    half_life: float | None
    till: OpenTills | None = None

    def analyzer(self) -> Analyzer:
        """Load the encoder; slow, to be called off the event loop."""
        wanted = self.options.encoder or self.settings.encoder
        if isinstance(wanted, str):
            wanted = encoder_of(self.settings, wanted, allow_download=self.options.allow_download)
        projection = load_projection(wanted.name, wanted.dim)
        return Analyzer(wanted, projection, keep_text=self.settings.store_prompts)

    def arm(self, model: str | Arm) -> Arm:
        """One model more, by its name in the catalogue or as it is given.

        Raises:
            UnknownModelError: for a name that nothing answers to.
            UnknownPriceError: for a model that nobody priced.
            InvalidInputError: for a model that cannot be called from here, beside one that can.
        """
        arm = catalog_of(self.settings, [model]).arms[0] if isinstance(model, str) else model
        if self.options.client is None:
            check_priced([arm])
            check_callable(arm, beside=self.portfolio.arms, settings=self.settings)
        return arm

    def neighbours(self, portfolio: Portfolio, *, encoder: str) -> NearestNeighbours | None:
        """Labelled queries of these models in that embedding; None where the policy needs none."""
        given = self._labelled
        if given is None or not self._rules("").policy.neighbours:
            return None
        return open_neighbours(given, arms=portfolio.names, encoder=encoder)

    @property
    def actor(self) -> str:
        """Who is on record for what this router changes."""
        return actor_of(self.settings)

    def shared_portfolio(self) -> SharedPortfolio:
        """The portfolio that all processes on this store have."""
        return SharedPortfolio(
            self.store, configured=self.portfolio, clock=self.clock, actor=self.actor
        )

    def decider(self, layout: str, *, neighbours: NearestNeighbours | None = None) -> Decider:
        """The decider for contexts of that layout."""
        return Decider(
            replace(self._rules(layout), neighbours=neighbours),
            steering=self.goal.steering(now=self.clock.now()),
            clock=self.clock,
            rng=np.random.default_rng(self._seed),
        )

    def executor(self, breakers: Breakers) -> Executor:
        """The executor that leaves those models alone that the breakers say."""
        retries, unusable = self.settings.num_retries, self.settings.app_retries
        draw = np.random.default_rng(self._seed).random
        return Executor(
            client=self.client,
            clock=self.clock,
            breakers=breakers,
            patience=Patience(retries=retries, unusable=unusable, draw=draw),
            sleep=self.options.sleep or asyncio.sleep,
            timeout=self.timeout,
        )

    def answers(self) -> AnswerCache:
        """Earlier answers, in this process's memory."""
        cache = MemoryCache(most_bytes=MOST_BYTES, clock=self.clock)
        return AnswerCache(cache, seconds=self.settings.response_cache_seconds)

    @property
    def continue_cut(self) -> bool:
        """Whether cut answers are continued where the caller does not say."""
        return self.settings.continue_cut_answers

    def learner(self, *, layout: str, dim: int) -> Learner:
        """The learner for contexts of ``dim`` numbers that mean what ``layout`` says."""
        contextual = self._rules("").policy.contextual

        def build(arms: Sequence[Arm], state: LearnedState, before: ArmModels | None) -> ArmModels:
            return ArmModels(
                arms,
                dim=dim,
                statistics=state.statistics,
                contextual=contextual,
                forgetting=state.forgetting,
                now=self.clock.now(),
                before=before,
            )

        return Learner(
            self.store, arms=self.portfolio.arms, build=build, layout=layout, clock=self.clock
        )

    @property
    def _seed(self) -> int | None:
        seed = _given(self.options.seed, self.settings.seed)
        if seed is not None and seed < 0:
            raise InvalidInputError(f"seed={seed} is negative", remedy="give 0 or more")
        return seed

    @property
    def _labelled(self) -> str | Path | NearestNeighbours | None:
        return self.options.neighbours or self.settings.neighbours

    def _rules(self, layout: str) -> DecisionRules:
        policy = self.options.policy or self.settings.policy
        if not isinstance(policy, Policy):
            policy = policy_named(policy, models=self.portfolio.names)
        if policy.neighbours and self._labelled is None:
            raise InvalidInputError(
                f"policy {policy.name!r} has no labelled queries",
                remedy="give neighbours=, or the path of their file in CONDUIT_NEIGHBOURS",
            )
        return DecisionRules(
            baseline=self.portfolio.baseline,
            policy=policy,
            optimize_for=OptimizeFor.named(
                _given(self.options.optimize_for, self.settings.optimize_for)
            ),
            layout=layout,
        )


def assemble(options: Options, settings: Settings | None = None) -> Parts:
    """Choose every part of a router; loads no weights and opens no connection.

    Raises:
        ConduitError: for an option or setting that cannot be used.
    """
    settings = settings or Settings.load()
    portfolio = portfolio_from(settings, options.models, baseline=options.baseline)
    if options.client is None:
        check_priced(portfolio.arms)
    clock = options.clock or SystemClock()
    parts = Parts(
        settings=settings,
        options=options,
        goal=(options.goal or Goal.of(settings)).checked(portfolio.arms),
        portfolio=portfolio,
        store=options.store or store_from(settings, clock=clock),
        caches=open_caches(
            _given(options.redis_url, settings.redis_url),
            most_bytes=settings.feature_cache_bytes,
            cache=options.cache,
            bell=options.bell,
            clock=clock,
        ),
        client=options.client
        or client_for(
            api_keys=settings.api_keys,
            base_urls=settings.base_urls,
            max_concurrency=settings.max_concurrency,
            reasoning=settings.model_reasoning,
        ),
        clock=clock,
        timeout=_positive("timeout", _given(options.timeout, settings.timeout)),
        half_life=_half_life(_given(options.half_life, settings.half_life)),
    )
    parts.decider("")
    return parts


def _given(option: T | None, setting: T) -> T:
    """The caller's option, else the setting; 0 is an option too."""
    return setting if option is None else option


def _half_life(seconds: float | None) -> float | None:
    return None if seconds is None else Forgetting(half_life=seconds).half_life


def _positive(name: str, value: float) -> float:
    if not 0 < value < float("inf"):
        raise InvalidInputError(
            f"{name}={value} is not above zero", remedy="give a positive number"
        )
    return value
