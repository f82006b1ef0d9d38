"""Conductor's ``/llm``, ``/llm/dry-run`` and ``/classify``."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import Request
from fastapi import Response as Reply
from pydantic import BaseModel, ConfigDict, Field

from conduit.api.asked import AUTO, Asked, ask
from conduit.api.chat_answer import mark, response_headers
from conduit.api.compatibility import Taken, compatible_routes
from conduit.api.directives import Directives, Name
from conduit.api.gateway import opened
from conduit.api.presence import while_present
from conduit.core.chat import Chat
from conduit.core.models import Query
from conduit.core.outcomes import Response
from conduit.engines.roles import Roles
from conduit.features.complexity import estimate_tokens
from conduit.simple.grading.verdicts import judged_here

routes = compatible_routes()
Prompt = Annotated[str, Field(min_length=1, description="The user's message.")]


class LlmBody(Taken):
    """A prompt, and how good its answer has to be."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": "Summarize this note", "quality": "auto"}]}
    )

    prompt: Prompt
    quality: Literal["auto", "high", "low"] = Field(
        default="auto",
        description="low takes the cheap model, high the good one: the cheapest and the dearest by "
        "list price, or those of CONDUCTOR_MODELS_JSON; auto is decided.",
    )
    max_tokens: int = Field(default=1000, ge=1, le=10_000_000)
    user_id: Name | None = Field(default=None, description="Whose budgets have to pay.")
    session: Name | None = Field(default=None, description="Likewise.")
    task_type: Name | None = Field(default=None, description="Likewise.")


class LlmAnswer(BaseModel):
    """An answer, and what it would have cost at the baseline; in USD."""

    text: str
    model: str
    cost: float = Field(description="Failed attempts included.")
    saved: float = Field(description="Against the baseline; negative where it cost more.")
    baseline_cost: float
    prompt_tokens: int
    completion_tokens: int
    baseline_model: str
    provider: str
    finish_reason: str
    decision_id: str = Field(description="For /v1/feedback.")


class DryRun(BaseModel):
    """The model that would be chosen now."""

    model: str
    reason: str


class ClassifyBody(Taken):
    """A prompt."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"prompt": "What is 2+2?"}]})

    prompt: Prompt


class Classified(BaseModel):
    """How much a prompt asks for."""

    complexity_score: float = Field(ge=0, le=1, description="(raw_score - 1) / 9")
    raw_score: int = Field(ge=1, le=10)
    reasoning: str
    from_cache: bool


@routes.post("/llm", summary="Conductor: have a prompt answered")
async def llm(body: LlmBody, request: Request, reply: Reply) -> LlmAnswer:
    """Decided, executed, paid and learned from like any other request."""
    started = time.perf_counter()
    work = _asked(body, request).complete(opened(request.scope).router)
    response = await while_present(request.receive, work)
    mark(reply, response_headers(response, started=started))
    return _answer(response, prompt=body.prompt)


@routes.post("/llm/dry-run", summary="Conductor: which model would answer")
async def dry_run(body: LlmBody, request: Request) -> DryRun:
    """Nothing is called, recorded or spent.

    The next ``/llm`` with the same body agrees, if nothing was decided or learned in between.
    """
    asked = _asked(body, request)
    decision = await opened(request.scope).router.preview(
        asked.query, models=asked.models, scopes=asked.scopes
    )
    return DryRun(model=decision.selected_model, reason=decision.reasoning)


@routes.post("/classify", summary="Conductor: how much a prompt asks for")
async def classify(body: ClassifyBody, request: Request) -> Classified:
    """Judged by how it begins and by its form: no model is asked, and nothing is spent."""
    features = await opened(request.scope).router.features(Query(body.prompt).text)
    verdict = judged_here(features.difficulty)
    return Classified(
        complexity_score=verdict.complexity_score,
        raw_score=verdict.raw_score,
        reasoning=verdict.reasoning,
        from_cache=verdict.from_cache,
    )


def _asked(body: LlmBody, request: Request) -> Asked:
    server = opened(request.scope)
    roles = Roles.of(server.settings.models_json)
    models = roles.candidates(server.router.arms, quality=body.quality)
    return ask(
        Chat(messages=({"role": "user", "content": body.prompt},)),
        Directives(
            user=body.user_id,
            session=body.session,
            task_type=body.task_type,
        ),
        models=models,
        model=AUTO,
        max_tokens=body.max_tokens,
        key=request.scope.get("conduit_key"),
        settings=server.settings,
    )


def _answer(response: Response, *, prompt: str) -> LlmAnswer:
    """Tokens that nobody counted are estimated, never taken for none."""
    given, made = response.prompt_tokens, response.completion_tokens
    return LlmAnswer(
        text=response.text,
        model=response.model,
        cost=response.cost,
        saved=response.saved,
        baseline_cost=response.baseline_cost,
        prompt_tokens=estimate_tokens(prompt) if given is None else given,
        completion_tokens=estimate_tokens(response.text) if made is None else made,
        baseline_model=response.base_model,
        provider=response.provider,
        finish_reason=response.finish_reason,
        decision_id=response.decision_id,
    )
