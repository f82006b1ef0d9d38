"""``conduit route``."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import typer

from conduit.cli import options
from conduit.cli.asking import Asked, session
from conduit.cli.console import say, say_json, say_table, table_of
from conduit.cli.logs import load_settings
from conduit.cli.prompts import read_prompt
from conduit.cli.rating_hint import rating_hint
from conduit.core.decisions import Decision
from conduit.settings import Settings


def route(
    ctx: typer.Context,
    prompt: options.Prompt = None,
    *,
    query: options.PromptOption = None,
    model: options.Model = None,
    provider: options.Provider = None,
    prefer_provider: options.PreferProvider = None,
    max_cost: options.MaxCost = None,
    max_latency: options.MaxLatency = None,
    min_quality: options.MinQuality = None,
    max_tokens: options.MaxTokens = None,
    user_id: options.UserId = None,
    optimize_for: options.Optimize = None,
    policy: options.PolicyName = None,
    database: options.Database = None,
    json: options.Json = False,
) -> None:
    """Decide which model should answer a prompt, without calling it.

    Needs no key and no network: without any key, it chooses among all the
    models of the registry. The decision is remembered, so that feedback on an
    answer you got elsewhere can refer to it.

      conduit route "What is 2+2?"
      conduit route --max-cost 0.001 --optimize-for quality "Prove it."
      cat prompt.txt | conduit route --json

    Decisions live in a SQLite file in your data folder, unless --database,
    CONDUIT_DATABASE_PATH or DATABASE_URL names another place. The prompt's
    text is not stored.
    """
    asked = Asked(
        text=read_prompt(ctx, argument=prompt, option=query),
        model=model,
        provider=provider,
        prefer_provider=prefer_provider,
        max_cost=max_cost,
        max_latency=max_latency,
        min_quality=min_quality,
        max_tokens=max_tokens,
        user_id=user_id,
        optimize_for=optimize_for,
        policy=policy,
        database=database,
    )
    decision = asyncio.run(_decide(asked, load_settings()))
    if json:
        say_json(decision_json(decision))
    else:
        _show(decision, database=database)


async def _decide(asked: Asked, settings: Settings) -> Decision:
    async with session(asked, settings, calling=False) as opened:
        return await opened.router.route(opened.query, models=opened.only)


def decision_json(decision: Decision) -> dict[str, Any]:
    """A decision for programs: its fields, without vectors; ``id`` is ``decision_id``."""
    seen = decision.features
    return {
        "decision_id": decision.id,
        "query_id": decision.query_id,
        "user_id": decision.user_id,
        "selected_model": decision.selected_model,
        "confidence": decision.confidence,
        "reasoning": decision.reasoning,
        "probabilities": dict(decision.probabilities),
        "estimates": {name: asdict(estimate) for name, estimate in decision.estimates.items()},
        "features": {
            "token_count": seen.token_count,
            "complexity_score": seen.complexity_score,
            "domain": seen.domain,
            "domain_confidence": seen.domain_confidence,
        },
        "fallback_chain": list(decision.fallback_chain),
        "constraints_relaxed": list(decision.constraints_relaxed),
        "policy": decision.policy,
        "layout": decision.layout,
        "created_at": decision.created_at,
        "forced": decision.forced,
    }


def _show(decision: Decision, *, database: str | None) -> None:
    say(f"{decision.selected_model} (confidence {decision.confidence:.0%})")
    say(f"{decision.reasoning}\n")
    numbers = ("probability", "quality", "cost USD", "latency", "ratings")
    table = table_of("model", *numbers, right=numbers)
    for name in sorted(decision.probabilities, key=lambda name: -decision.probabilities[name]):
        expected = decision.estimates[name]
        table.add_row(
            name,
            f"{decision.probabilities[name]:.1%}",
            f"{expected.mean:.2f} +-{expected.std:.2f}",
            f"{expected.cost:.6f}",
            "-" if expected.latency is None else f"{expected.latency:.1f} s",
            str(expected.observations),
            style="bold" if name == decision.selected_model else None,
        )
    say_table(table)
    say(f"\ndecision {decision.id}\n{rating_hint(decision.id, database=database)}")
