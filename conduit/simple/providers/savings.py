"""What an answer cost, and saved, where several providers could have given it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conduit.catalog.baseline import dearest
from conduit.engines.accounting import base_cost
from conduit.simple.answer import Answer
from conduit.simple.providers.account import Account
from conduit.simple.providers.exchange import planned


def measured(answer: Answer, *, accounts: Sequence[Account], spent: float) -> Answer:
    """An answer against the dearest premium model of several providers.

    Args:
        answer: of one of them, measured against its own.
        accounts: all of them.
        spent: USD that calls of others were billed for which were made for it and failed.
    """
    families = [planned(account)[1].family for account in accounts]
    baseline = dearest([family.premium for family in families])
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
