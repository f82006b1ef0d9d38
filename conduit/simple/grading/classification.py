"""``smart_classify()``: how complex a prompt is, as a cheap model judges it, or else this machine."""

from __future__ import annotations

from dataclasses import replace
from secrets import token_hex

from conduit.core.budgets import Scope
from conduit.core.costs import CostKind
from conduit.core.errors import (
    AllModelsFailedError,
    BudgetExceededError,
    ConfigurationError,
    ReservationTimeoutError,
)
from conduit.core.models import Query
from conduit.engines.aside import aside
from conduit.engines.errand import Errand
from conduit.engines.router import Router
from conduit.simple.configuration import Configuration, configuration
from conduit.simple.grading.question import LONGEST_ANSWER, RefusedVerdictError, grade_in, question
from conduit.simple.grading.verdicts import SmartClassification, Verdicts, judged_here
from conduit.simple.house import House, house

OFFLINE = "offline"


def smart_classify(
    prompt: str, *, api_key: str | None = None, offline: bool = False
) -> SmartClassification:
    """How complex a prompt is; waits for the model that is asked."""
    home, query = house(), Query(prompt)
    plan, why = _planned(home, api_key=api_key, offline=offline)
    return home.background.run(classified(home, plan, query, because=why))


async def classified(
    home: House,
    plan: Configuration,
    query: Query,
    *,
    because: str = OFFLINE,
    scopes: tuple[Scope, ...] = (),
) -> SmartClassification:
    """The verdict of a plan's cheap model, or where it cannot be had, of the local classifier.

    Args:
        home: lends the router; on its event loop.
        plan: whom to ask; nobody, where it is offline.
        query: the prompt.
        because: why it is offline.
        scopes: on whose account, besides the query's user.
    """
    async with home.lent(plan) as router:
        if plan.settings.offline:
            return await _here(router, query, because=because)
        known = home.verdicts.get(query.text, model=plan.cheap.id)
        if known is not None:
            return known
        try:
            return await _asked(router, plan, query, verdicts=home.verdicts, scopes=scopes)
        except RefusedVerdictError as error:
            why = f"the answer of {plan.cheap.id} was refused, {error}"
        except (AllModelsFailedError, BudgetExceededError, ReservationTimeoutError) as error:
            why = error.problem
        return await _here(router, query, because=why)


async def _asked(
    router: Router,
    plan: Configuration,
    query: Query,
    *,
    verdicts: Verdicts,
    scopes: tuple[Scope, ...],
) -> SmartClassification:
    """The model's verdict, its cost on record; remembered.

    Raises:
        RefusedVerdictError: for an answer that is none; it was paid all the same.
    """
    token = token_hex(16)
    wanted = replace(query, max_tokens=LONGEST_ANSWER, chat=question(query.text, token=token))
    errand = Errand(query=wanted, models=(plan.cheap.id,), scopes=scopes)
    reply = await aside(await router.open(), errand, kind=CostKind.CLASSIFY)
    grade = grade_in(reply.text, token=token)
    verdict = SmartClassification(raw_score=grade.score, reasoning=grade.reasoning)
    verdicts.put(query.text, verdict, model=plan.cheap.id)
    return verdict


async def _here(router: Router, query: Query, *, because: str) -> SmartClassification:
    features = await router.features(query.text)
    return judged_here(features.difficulty, because=because)


def _planned(home: House, *, api_key: str | None, offline: bool) -> tuple[Configuration, str]:
    """Whom to ask; nobody, and why, where no key is set.

    Raises:
        ConfigurationError: for a setting that cannot be used, keys apart.
    """
    try:
        return configuration(home.overrides, api_key=api_key, offline=offline), OFFLINE
    except ConfigurationError as error:
        if offline or api_key is not None:
            raise
        return configuration(home.overrides, offline=True), error.problem
