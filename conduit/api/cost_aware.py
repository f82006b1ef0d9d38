"""Cost-aware's ``/generate`` and ``/route``, with exactly the fields that it documents."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Request
from fastapi import Response as Reply
from pydantic import BaseModel, ConfigDict, Field

from conduit.api.asked import AUTO, Asked, ask
from conduit.api.chat_answer import mark, response_headers
from conduit.api.compatibility import Taken, compatible_routes
from conduit.api.directives import Directives, Name
from conduit.api.gateway import Opened, opened
from conduit.api.presence import while_present
from conduit.api.route_reasons import forced_models, route_reason
from conduit.core.chat import Chat
from conduit.core.decisions import Decision
from conduit.core.errors import UnknownDecisionError
from conduit.core.outcomes import Response
from conduit.features.complexity import estimate_tokens

routes = compatible_routes()
Limit = Annotated[float, Field(ge=0, le=1e9)]
Prompt = Annotated[str, Field(min_length=1, description="The user's message.")]


class GenerateBody(Taken):
    """A prompt, and limits."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "prompt": "Your prompt here",
                    "max_cost_usd": 0.01,
                    "max_latency_ms": 1500,
                    "min_quality": 0.7,
                    "force_model": "cheap",
                }
            ]
        }
    )

    prompt: Prompt
    max_cost_usd: Limit | None = Field(default=None, description="Never relaxed.")
    max_latency_ms: Limit | None = Field(default=None, description="Expected; may be relaxed.")
    min_quality: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="Expected; may be relaxed."
    )
    force_model: Name | None = Field(
        default=None,
        description="The id of a model, a provider, or a tier: budget (or cheap), balanced, premium.",
    )


class RouteBody(Taken):
    """A prompt, and limits, in the older words."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"prompt": "Your prompt here", "max_cost": 0.01, "max_latency": 1.5}]
        }
    )

    prompt: Prompt
    max_cost: Limit | None = Field(default=None, description="In USD; never relaxed.")
    max_latency: Annotated[float, Field(ge=0, le=1e6)] | None = Field(
        default=None, description="Expected seconds; may be relaxed."
    )


class Generated(BaseModel):
    """An answer, and what it cost."""

    text: str
    chosen_model: str
    tokens_in: int
    tokens_out: int
    latency_ms: int = Field(description="From the request to the answer, failed attempts included.")
    estimated_cost_usd: float = Field(description="What was paid, failed attempts included.")
    quality_proxy: float | None = Field(
        description="Expected of the chosen model before the call; null for an answer given before "
        "to somebody with another database."
    )
    route_reason: str
    cache_hit: bool
    saved_cost_usd: float = Field(description="Against the baseline; negative where it cost more.")


@routes.post("/generate", summary="Cost-aware: have a prompt answered within limits")
async def generate(body: GenerateBody, request: Request, reply: Reply) -> Generated:
    """Decided, executed, paid and learned from like any other request."""
    return await _generated(body, request, reply)


@routes.post("/route", summary="Cost-aware, older: have a prompt answered within limits")
async def route(body: RouteBody, request: Request, reply: Reply) -> Generated:
    """The same as ``/generate``; ``/v1/route`` is what decides without calling a model."""
    latency = None if body.max_latency is None else 1000 * body.max_latency
    newer = GenerateBody(prompt=body.prompt, max_cost_usd=body.max_cost, max_latency_ms=latency)
    return await _generated(newer, request, reply)


async def _generated(body: GenerateBody, request: Request, reply: Reply) -> Generated:
    server, started = opened(request.scope), time.perf_counter()
    work = _asked(body, server, key=request.scope.get("conduit_key")).complete(server.router)
    response = await while_present(request.receive, work)
    taken = time.perf_counter() - started
    mark(reply, response_headers(response, started=started))
    return await _answer(body, response, server, latency=max(taken, response.latency or 0.0))


def _asked(body: GenerateBody, server: Opened, *, key: str | None) -> Asked:
    forced, latency = body.force_model, body.max_latency_ms
    return ask(
        Chat(messages=({"role": "user", "content": body.prompt},)),
        Directives(
            max_cost=body.max_cost_usd,
            max_latency=None if latency is None else latency / 1000,
            min_quality=body.min_quality,
        ),
        models=None if forced is None else forced_models(forced, server.router.arms),
        model=AUTO,
        max_tokens=None,
        key=key,
        settings=server.settings,
    )


async def _answer(
    body: GenerateBody, response: Response, server: Opened, *, latency: float
) -> Generated:
    """Tokens that nobody counted are estimated, never taken for none."""
    decision = await _decision(response, server)
    given, made = response.input_tokens, response.output_tokens
    limits = ("max_cost_usd", "max_latency_ms", "min_quality")
    return Generated(
        text=response.text,
        chosen_model=response.model,
        tokens_in=estimate_tokens(body.prompt) if given is None else given,
        tokens_out=estimate_tokens(response.text) if made is None else made,
        latency_ms=round(1000 * latency),
        estimated_cost_usd=response.cost,
        quality_proxy=None if decision is None else decision.estimates[response.model].mean,
        route_reason=route_reason(
            body.prompt,
            decision,
            response,
            force_model=body.force_model,
            limits=[name for name in limits if getattr(body, name) is not None],
        ),
        cache_hit=response.cached,
        saved_cost_usd=response.savings,
    )


async def _decision(response: Response, server: Opened) -> Decision | None:
    """What was decided; an answer given before may come from a cache that databases share."""
    try:
        return await server.router.decision(response.decision_id)
    except UnknownDecisionError:
        if not response.cached:
            raise
        return None
