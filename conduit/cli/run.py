"""``conduit run``."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import Any

import typer

from conduit.cli import options
from conduit.cli.asking import Asked, session
from conduit.cli.console import note, say, say_json
from conduit.cli.logs import load_settings
from conduit.cli.prompts import read_prompt
from conduit.cli.rating_hint import rating_hint
from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Response
from conduit.settings import Settings


def run(
    ctx: typer.Context,
    prompt: options.Prompt = None,
    *,
    query: options.PromptOption = None,
    model: options.Model = None,
    provider: options.Provider = None,
    reasoning: options.Reasoning = None,
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
    """Have a prompt answered by the model that should answer it.

    The answer goes to standard output; one line about model, cost, saving and
    latency to standard error. Another model takes over when the chosen one
    fails, unless --model forces it. Needs the key of at least one provider:
    OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_API_KEY, GROQ_API_KEY or
    OPENROUTER_API_KEY, in the environment or in .env. OpenRouter's models and
    LM Studio's are not listed: name one with --provider and --model. The
    providers openai-codex and claude-code are the commands codex and claude,
    which use their own login; conduit list shows which of all are ready. With
    CONDUIT_OFFLINE=1 scripted models answer, no key is needed and nobody is paid.

      conduit run "What is 2+2?"
      echo "Translate: good morning" | conduit run --max-cost 0.001
      conduit run -q "Prove it." --provider anthropic --json
      conduit run hello --provider openrouter --model VENDOR/MODEL
      conduit run "Explain monads." --provider openai-codex --reasoning high

    Decisions and what was learned live in a SQLite file in your data folder,
    unless --database, CONDUIT_DATABASE_PATH or DATABASE_URL names another place;
    with CONDUIT_OFFLINE=1 in offline.db there, unless --database or
    CONDUIT_OFFLINE_DATABASE does. The answer is not stored, and the prompt only
    where CONDUIT_STORE_PROMPTS is on.
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
    settings = load_settings()
    if reasoning is not None:
        settings = _thinking(settings, reasoning, asked)
    response = asyncio.run(_answer(asked, settings))
    if json:
        say_json(response_json(response))
        return
    say(response.text)
    note(f"{_summary(response)} | {rating_hint(response.decision_id, database=database)}")


async def _answer(asked: Asked, settings: Settings) -> Response:
    async with session(asked, settings, calling=True) as opened:
        return await opened.router.complete(opened.query, models=opened.only)


def _thinking(settings: Settings, reasoning: str, asked: Asked) -> Settings:
    """With an effort for the one provider that takes it."""
    named = asked.provider or settings.model_provider or (asked.model or "").partition("/")[0]
    if named.lower() != "openai-codex":
        raise InvalidInputError(
            f"--reasoning {reasoning} is for openai-codex alone",
            remedy="add --provider openai-codex, or leave it out",
        )
    return replace(settings, model_reasoning=reasoning)


def response_json(response: Response) -> dict[str, Any]:
    """A response for programs: its fields but for the protocol's and the server's, and what was saved."""
    told = asdict(response)
    del told["extras"], told["lost"]
    return told | {"savings": response.savings, "savings_percent": response.savings_percent}


def _summary(response: Response) -> str:
    latency = "latency unknown" if response.latency is None else f"{response.latency:.1f} s"
    others = f" after {response.attempts - 1} failed" if response.attempts > 1 else ""
    return (
        f"{response.model} ({response.provider}){others} | ${response.cost:.6f} | "
        f"saved ${response.savings:.6f} ({response.savings_percent:.0f}%) "
        f"vs {response.base_model} | {latency}"
    )
