"""``conduit explore``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import typer

from conduit.cli.console import on_one_line, say, say_json
from conduit.cli.logs import load_settings
from conduit.cli.options import Json
from conduit.core.arms import Arm, Price
from conduit.simple.providers.exploring import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    PROMPTS,
    Explored,
    Simulated,
    explored,
)
from conduit.simple.providers.family import Family
from conduit.simple.providers.routes import Route

_RULE = "=" * 70
_SHOWN = 65
"""Characters of a prompt that are shown."""
_PUBLIC_API = """\
  import conduit as o

  # Single provider (routes within one provider's model family)
  provider = o.Provider("google", "API_KEY")
  response = provider.chat("your prompt")
  stream   = provider.stream_text("your prompt")

  # Multi-provider (picks best provider+model using a strategy)
  multi = o.MultiProvider([provider1, provider2])
  response = multi.chat("your prompt", strategy="cheapest")
  response = multi.chat("your prompt", strategy="smartest")
  response = multi.chat("your prompt", strategy="balanced")

  # Response fields
  response.text             # generated text
  response.model            # model used (e.g. "gemini-2.5-flash-lite")
  response.provider         # provider name (e.g. "google")
  response.cost             # total cost in dollars
  response.input_tokens     # input token count
  response.output_tokens    # output token count
  response.savings          # dollars saved vs premium model
  response.savings_percent  # savings as percentage"""


def explore(
    prompts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROMPT",
            help="Prompts to look at, in the place of three examples.",
            show_default=False,
        ),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Show what conduit.Provider would do: models, routes, costs and strategies.

    The models of google, anthropic and openai with their prices; which of them
    each provider's router takes for a prompt; what 500 tokens in and 1,000 out
    cost there; and which provider the strategies of MultiProvider choose.

      conduit explore
      conduit explore "Translate this poem" "Prove the theorem"
      conduit explore --json

    Needs no key; no model is called and no decision is remembered. Routes come
    from the router file that 'conduit train-router' wrote, else from one that
    ships with labels that are estimates. Prices are the table's own, unless
    models/pricing.yaml, CONDUIT_PRICING or CONDUIT_PRICING_JSON say otherwise.

    With --json: providers and prompts, with every figure unrounded.
    """
    wanted = {str(n): text for n, text in enumerate(prompts, start=1)} if prompts else PROMPTS
    known, found = asyncio.run(explored(wanted, load_settings()))
    if json:
        say_json({"providers": _catalogue_json(known), "prompts": [*map(_prompt_json, found)]})
    else:
        say("\n".join(_page(known, found)))


def _page(known: Sequence[Family], found: Sequence[Explored]) -> Iterator[str]:
    yield from _titled("PROVIDER MODEL CATALOG")
    for family in known:
        yield f"  {family.name.upper()}"
        yield from (f"    {arm.id:<28} {arm.tier:<10} {_per_million(arm)}" for arm in family.arms)
        yield ""
    yield from _titled("ROUTER PREDICTIONS (which model gets picked per prompt)")
    yield from _per_prompt(found, _predictions)
    yield from _titled(
        f"COST SIMULATION ({INPUT_TOKENS} input tokens, {OUTPUT_TOKENS} output tokens)"
    )
    yield from _per_prompt(found, _costs)
    yield from _titled("STRATEGY COMPARISON (multi-provider selection)")
    yield from _per_prompt(found, _strategies)
    yield from _titled("PUBLIC API")
    yield _PUBLIC_API


def _titled(title: str) -> Iterator[str]:
    yield from (_RULE, title, _RULE, "")


def _per_prompt(
    found: Sequence[Explored], lines: Callable[[Explored], Iterator[str]]
) -> Iterator[str]:
    for it in found:
        prompt = on_one_line(it.prompt)
        shown = f"{prompt[:_SHOWN]}..." if len(prompt) > _SHOWN else prompt
        yield f"  [{it.label}] {shown}"
        yield from lines(it)
        yield ""


def _predictions(it: Explored) -> Iterator[str]:
    for route in _routes(it):
        yield f"    {route.provider:<12} → {route.model} ({route.tier})"


def _costs(it: Explored) -> Iterator[str]:
    for one in it.simulated:
        saved = f"saves ${one.savings:.6f}, {one.savings_percent:.0f}% vs {one.premium.id}"
        yield f"    {one.route.provider:<12} {one.route.model:<28} ${one.route.cost:.6f}  ({saved})"


def _strategies(it: Explored) -> Iterator[str]:
    routes = ", ".join(f"{route.provider}→{route.model}" for route in _routes(it))
    yield f"    Per-provider routes: {routes}"
    for strategy, route in it.choices.items():
        where = f"{route.provider}/{route.model} ({route.tier})"
        yield f"    {strategy:<10} → {where} ${route.cost:.6f}"


def _routes(it: Explored) -> list[Route]:
    return [one.route for one in it.simulated]


def _per_million(arm: Arm) -> str:
    price = arm.price or Price(input=0.0, output=0.0)
    return f"${_dollars(price.input)}/${_dollars(price.output)} per 1M tokens"


def _dollars(price: float) -> str:
    """At least cents, and whatever is left behind them."""
    exact = f"{price:.6f}".rstrip("0")
    return max(f"{price:.2f}", exact, key=len)


def _catalogue_json(known: Sequence[Family]) -> list[dict[str, Any]]:
    return [
        {
            "provider": family.name,
            "models": [
                {
                    "id": arm.id,
                    "tier": arm.tier.value,
                    "input_price": arm.price.input if arm.price else None,
                    "output_price": arm.price.output if arm.price else None,
                }
                for arm in family.arms
            ],
        }
        for family in known
    ]


def _prompt_json(it: Explored) -> dict[str, Any]:
    return {
        "label": it.label,
        "prompt": it.prompt,
        "routes": [*map(_route_json, it.simulated)],
        "strategies": {
            strategy: {"provider": route.provider, "model": route.model, "cost": route.cost}
            for strategy, route in it.choices.items()
        },
    }


def _route_json(one: Simulated) -> dict[str, Any]:
    return {
        "provider": one.route.provider,
        "model": one.route.model,
        "tier": one.route.tier.value,
        "quality": one.route.quality,
        "cost": one.route.cost,
        "savings": one.savings,
        "savings_percent": one.savings_percent,
        "premium": one.premium.id,
    }
