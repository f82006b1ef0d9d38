"""Decisions to rows and back. Numbers are little-endian bytes, exact in both directions."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row as SQLRow

from conduit.core.decisions import ArmEstimate, Decision, ExchangeRates, QueryFeatures
from conduit.stores.sql_codec import Row, context_of

_ABSENT = math.nan
_LEAST = 7
"""Numbers of an arm in the oldest rows."""
_RATES = tuple(field.name for field in fields(ExchangeRates))


def decision_row(decision: Decision) -> Row:
    """The row of ``decisions``: about 1.1 kB for 64 numbers and 5 arms."""
    features = decision.features
    arms, estimates = _pack_estimates(decision)
    return {
        "id": decision.id,
        "query_id": decision.query_id,
        "user_id": decision.user_id,
        "created_at": decision.created_at,
        "policy": decision.policy,
        "layout": decision.layout,
        "selected_model": decision.selected_model,
        "confidence": float(decision.confidence),
        "attempt": decision.attempt,
        "forced": decision.forced,
        "arms": arms,
        "estimates": estimates,
        "context": np.asarray(features.context, "<f4").tobytes(),
        "token_count": features.token_count,
        "complexity_score": float(features.complexity_score),
        "domain": features.domain,
        "domain_confidence": float(features.domain_confidence),
        "fallback_chain": list(decision.fallback_chain),
        "constraints_relaxed": list(decision.constraints_relaxed),
        "reasoning": decision.reasoning,
        "text": features.text,
        **_rates_row(decision.rates),
    }


def decision_of(row: SQLRow[Any]) -> Decision:
    """The decision of a row, without its embedding."""
    estimates, probabilities = _unpack_estimates(row.arms, row.estimates)
    features = QueryFeatures(
        embedding=np.empty(0, np.float32),
        context=context_of(row.context),
        token_count=row.token_count,
        complexity_score=row.complexity_score,
        domain=row.domain,
        domain_confidence=row.domain_confidence,
        text=row.text,
    )
    return Decision(
        id=row.id,
        query_id=row.query_id,
        user_id=row.user_id,
        selected_model=row.selected_model,
        confidence=row.confidence,
        probabilities=probabilities,
        estimates=estimates,
        features=features,
        reasoning=row.reasoning,
        fallback_chain=tuple(row.fallback_chain),
        constraints_relaxed=tuple(row.constraints_relaxed),
        policy=row.policy,
        layout=row.layout,
        created_at=row.created_at,
        attempt=row.attempt,
        forced=row.forced,
        rates=_rates_of(row),
        ratings=_unpack_more(row.arms, row.estimates, at=_LEAST),
        probes=_unpack_more(row.arms, row.estimates, at=_LEAST + 1),
    )


def _rates_row(rates: ExchangeRates | None) -> Row:
    return {name: None if rates is None else getattr(rates, name) for name in _RATES}


def _rates_of(row: SQLRow[Any]) -> ExchangeRates | None:
    """None for rows from before rates were recorded."""
    if row.unit_cost is None:
        return None
    return ExchangeRates(**{name: getattr(row, name) for name in _RATES})


def _pack_estimates(decision: Decision) -> tuple[list[str], bytes]:
    """Names (K), and (K, 7 to 9): probability, mean, std, cost, cost_high, latency, observations.

    NaN stands for what is absent: the probability of an arm that had none, a latency that is
    unknown, the count of an arm that has a probability but no estimate. An eighth number is what
    the evidence was worth, which older rows lack; a ninth, where a goal probed, the arm's share of that.
    """
    estimates, probabilities = decision.estimates, decision.probabilities
    more = [decision.ratings, decision.probes]
    while more and not more[-1]:
        more.pop()
    arms = list(dict.fromkeys([*estimates, *probabilities]))
    table = np.full((len(arms), _LEAST + len(more)), _ABSENT, "<f8")
    for line, arm in zip(table, arms, strict=True):
        line[0] = probabilities.get(arm, _ABSENT)
        line[_LEAST:] = [known.get(arm, _ABSENT) for known in more]
        if (it := estimates.get(arm)) is not None:
            latency = _ABSENT if it.latency is None else it.latency
            line[1:_LEAST] = it.mean, it.std, it.cost, it.cost_high, latency, it.observations
    return arms, table.tobytes()


def _unpack_estimates(
    arms: list[str], data: bytes
) -> tuple[dict[str, ArmEstimate], dict[str, float]]:
    estimates, probabilities = {}, {}
    for arm, line in zip(arms, _table(arms, data)[:, :_LEAST].tolist(), strict=True):
        probability, mean, std, cost, cost_high, latency, count = line
        if not math.isnan(probability):
            probabilities[arm] = probability
        if not math.isnan(count):
            estimates[arm] = ArmEstimate(
                mean=mean,
                std=std,
                cost=cost,
                cost_high=cost_high,
                latency=None if math.isnan(latency) else latency,
                observations=int(count),
            )
    return estimates, probabilities


def _unpack_more(arms: list[str], data: bytes, *, at: int) -> dict[str, float]:
    """What one of the later columns tells, of the arms that it tells of."""
    column = _table(arms, data)[:, at : at + 1].ravel().tolist()
    # A row from before the column was has no number at all.
    return {arm: it for arm, it in zip(arms, column, strict=False) if not math.isnan(it)}


def _table(arms: list[str], data: bytes) -> NDArray[np.float64]:
    """(K, 7 to 9)."""
    numbers = np.frombuffer(data, "<f8")
    return numbers.reshape(len(arms), len(numbers) // len(arms) if arms else _LEAST)
