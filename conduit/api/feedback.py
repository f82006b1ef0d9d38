"""``POST /v1/feedback``: how an answer was."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from conduit.api.chat_answer import decision_id_of
from conduit.api.directives import Name
from conduit.api.gateway import opened
from conduit.api.schemas import ERRORS
from conduit.core.budgets import DAY, MOST
from conduit.core.outcomes import Change, Signal
from conduit.feedback.ratings import MOST_TOKENS

routes = APIRouter(prefix="/v1", tags=["Conduit"], responses=ERRORS)
_JOINS = {"decision_id", "response_id"}


class FeedbackBody(BaseModel):
    """How an answer was; at least one value beside the id."""

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        json_schema_extra={"examples": [{"response_id": "chatcmpl-…", "rating": 5}]},
    )

    decision_id: Name | None = Field(default=None, description="Of the decision …")
    response_id: Name | None = Field(default=None, description="… or of the response.")
    rating: float | None = Field(default=None, ge=1, le=5, description="Stars.")
    quality_score: float | None = Field(default=None, ge=0, le=1, description="In their place.")
    met_expectations: bool | None = None
    error: bool | None = Field(default=None, description="Where you made the call yourself …")
    latency: float | None = Field(default=None, ge=0, le=DAY, description="… so many seconds, …")
    cost: float | None = Field(default=None, ge=0, le=MOST, description="… so many USD, …")
    output_tokens: int | None = Field(
        default=None, ge=0, le=MOST_TOKENS, description="… so long an answer."
    )
    model: Name | None = Field(default=None, description="Which model answered, if another.")

    @model_validator(mode="after")
    def _one_of_two(self) -> FeedbackBody:
        if (self.decision_id is None) == (self.response_id is None):
            raise ValueError("give either decision_id or response_id")
        return self


class Changed(BaseModel):
    """What is known now, and what was known before."""

    model: str
    signal: Signal
    value: float
    previous: float | None

    @classmethod
    def of(cls, change: Change) -> Changed:
        """The same for people."""
        seen = change.observation
        return cls(model=seen.arm, signal=seen.signal, value=seen.value, previous=change.previous)


class FeedbackAnswer(BaseModel):
    """What the feedback changed; nothing where all of it was known."""

    decision_id: str
    changed: list[Changed]


@routes.post("/feedback", summary="Say how an answer was, so that the next decision is better")
async def feedback(body: FeedbackBody, request: Request) -> FeedbackAnswer:
    """Credited to the model that answered; the same again changes nothing, another value replaces."""
    decision_id = decision_id_of(body.decision_id or body.response_id or "")
    changes = await opened(request.scope).router.feedback(
        decision_id, **body.model_dump(exclude=_JOINS)
    )
    return FeedbackAnswer(
        decision_id=decision_id, changed=[Changed.of(change) for change in changes]
    )
