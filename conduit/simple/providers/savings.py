"""What an answer cost, and saved, where several providers could have given it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conduit.catalog.baseline import dearest
from conduit.core.errors import ProviderError
from conduit.engines.accounting import base_cost
from conduit.engines.billing import cost_of_tokens
from conduit.simple.answer import Answer
from conduit.simple.providers.account import Account
from conduit.simple.providers.exchange import planned
from conduit.simple.providers.family import Family


def measured(
    answer: Answer, *, accounts: Sequence[Account], failures: Sequence[ProviderError]
) -> Answer:
    """An answer against the dearest premium model of several providers.

    Args:
        answer: of one of them, measured against its own.
        accounts: all of them.
        failures: calls of others that were made for it and failed.
    """
    families = [planned(account)[1].family for account in accounts]
    baseline = dearest([family.premium for family in families])
    spent = sum(_cost(failure, families) for failure in failures)
    if answer.base_model == baseline.id or not answer.model:
        return Answer.of(replace(answer, cost=answer.cost + spent), rate=answer.rate)
    base = base_cost(
        baseline,
        arm=answer.model,
        cost=answer.base_cost,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
    )
    told = replace(answer, cost=answer.cost + spent, base_model=baseline.id, base_cost=base)
    return Answer.of(told, rate=answer.rate)


def _cost(failure: ProviderError, families: Sequence[Family]) -> float:
    """USD that was billed for a call that failed, as the ledger has it."""
    return sum(
        cost_of_tokens(
            arm, input_tokens=failure.input_tokens or 0, output_tokens=failure.output_tokens or 0
        )
        for family in families
        for arm in family.arms
        if arm.id == failure.model
    )
