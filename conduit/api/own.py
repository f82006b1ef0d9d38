"""Conduit's own protocol: decide, answer, and what was decided before."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from conduit.api.asked import AUTO, Asked, ask
from conduit.api.chat_answer import decision_id_of
from conduit.api.chat_request import (
    DEEPEST,
    OWN,
    Message,
    Object,
    is_shallow,
    options_of,
)
from conduit.api.directives import Directives, Name
from conduit.api.gateway import opened
from conduit.api.presence import while_present
from conduit.api.schemas import ERRORS
from conduit.core.chat import Chat
from conduit.core.decisions import Decision
from conduit.core.outcomes import Response

routes = APIRouter(prefix="/v1", tags=["Conduit"], responses=ERRORS)
DecisionId = Annotated[Name, Path(description="Of a decision, or of a response.")]


class AskBody(Directives):
    """A prompt, or a conversation, and what is asked of the router."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"prompt": "What is 2+2?", "max_cost": 0.01, "optimize_for": "cost"},
                {"messages": [{"role": "user", "content": "What is 2+2?"}], "user": "anna"},
            ]
        }
    )

    prompt: str | None = Field(default=None, min_length=1, description="One user's message.")
    messages: list[Message] | None = Field(
        default=None, min_length=1, description="In its place a conversation."
    )
    model: Name = Field(default=AUTO, description="As in the chat completions protocol.")
    max_tokens: int | None = Field(default=None, ge=1, le=10_000_000)
    options: Object = Field(default_factory=dict, description="For the model: tools, stop, seed …")

    @model_validator(mode="before")
    @classmethod
    def _shallow(cls, body: object) -> object:
        if not is_shallow(body):
            raise ValueError(f"nested deeper than {DEEPEST} levels")
        return body

    @field_validator("options")
    @classmethod
    def _for_the_model(cls, options: Object) -> Object:
        for name in OWN:
            if options.get(name) is not None:
                raise ValueError(f"{name!r} is none; what may be said of it stands beside them")
        return options_of(options)

    @model_validator(mode="after")
    def _one_of_two(self) -> AskBody:
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("give either prompt or messages")
        return self

    def chat(self) -> Chat:
        """The conversation."""
        if self.messages is None:
            return Chat(messages=({"role": "user", "content": self.prompt},), options=self.options)
        said = tuple(message.model_dump(exclude_unset=True) for message in self.messages)
        return Chat(messages=said, options=self.options)


class EstimateBody(BaseModel):
    """What was expected of one model."""

    mean: float
    std: float
    cost: float
    cost_high: float
    latency: float | None
    observations: int


class DecisionBody(BaseModel):
    """Which model was chosen, and why; costs in USD, times in seconds."""

    decision_id: str
    model: str
    confidence: float
    propensity: float
    probabilities: dict[str, float]
    estimates: dict[str, EstimateBody]
    reasoning: str
    fallback_chain: list[str]
    constraints_relaxed: list[str]
    policy: str
    forced: bool
    user: str | None
    created_at: float
    token_count: int
    complexity_score: float
    domain: str


class AnswerBody(BaseModel):
    """An answer, what it cost, and what it would have cost at the baseline; in USD and seconds."""

    text: str
    model: str
    provider: str
    cost: float
    saved: float
    savings_percent: float
    baseline: str
    baseline_cost: float
    input_tokens: int | None
    output_tokens: int | None
    latency: float | None
    decision_id: str
    finish_reason: str
    attempts: int
    tool_calls: list[Object]
    propensity: float | None
    cached: bool


@routes.post("/route", summary="Decide which model should answer, without calling it")
async def route(body: AskBody, request: Request) -> DecisionBody:
    """Decide, and log the decision; feedback may refer to it when you make the call yourself."""
    server, asked = opened(request.scope), _asked(body, request)
    decision = await server.router.route(
        asked.query, models=asked.models, strict=asked.strict, scopes=asked.scopes
    )
    return decision_body(decision)


@routes.post("/complete", summary="Have a prompt answered by the model that should answer it")
async def complete(body: AskBody, request: Request) -> AnswerBody:
    """Decide, call the model, fall back where it fails, and learn from what happened."""
    work = _asked(body, request).complete(opened(request.scope).router)
    return answer_body(await while_present(request.receive, work))


@routes.get("/decisions/{decision_id}", summary="What was decided, and why")
async def decision(decision_id: DecisionId, request: Request) -> DecisionBody:
    """A decision that was made with this server's database."""
    found = await opened(request.scope).router.decision(decision_id_of(decision_id))
    return decision_body(found)


def decision_body(decision: Decision) -> DecisionBody:
    """A decision as people and programs may see it."""
    return DecisionBody(
        decision_id=decision.id,
        model=decision.selected_model,
        confidence=decision.confidence,
        propensity=decision.propensity,
        probabilities=dict(decision.probabilities),
        estimates={
            arm: EstimateBody(**asdict(estimate)) for arm, estimate in decision.estimates.items()
        },
        reasoning=decision.reasoning,
        fallback_chain=list(decision.fallback_chain),
        constraints_relaxed=list(decision.constraints_relaxed),
        policy=decision.policy,
        forced=decision.forced,
        user=decision.user_id,
        created_at=decision.created_at,
        token_count=decision.features.token_count,
        complexity_score=decision.features.complexity_score,
        domain=decision.features.domain,
    )


def answer_body(response: Response) -> AnswerBody:
    """An answer as people and programs may see it."""
    own: dict[str, Any] = {name: value for name, value in asdict(response).items()
                           if name in AnswerBody.model_fields}  # fmt: skip
    return AnswerBody(
        **own,
        saved=response.savings,
        savings_percent=response.savings_percent,
        baseline=response.base_model,
        baseline_cost=response.base_cost,
    )


def _asked(body: AskBody, request: Request) -> Asked:
    return ask(
        body.chat(),
        body,
        model=body.model,
        max_tokens=body.max_tokens,
        key=request.scope.get("conduit_key"),
        settings=opened(request.scope).settings,
    )
