"""``GET /v1/models``: OpenAI's list, with what Conduit knows of each."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from conduit.api.asked import AUTO
from conduit.api.gateway import Opened, opened
from conduit.api.schemas import ERRORS, PriceBody
from conduit.core.arms import Arm, Tier
from conduit.core.errors import UnknownModelError
from conduit.core.models import OptimizeFor

routes = APIRouter(prefix="/v1/models", tags=["OpenAI"], responses=ERRORS)


class ModelFacts(BaseModel):
    """What Conduit knows of a model."""

    provider: str
    tier: Tier
    price: PriceBody | None
    max_output_tokens: int
    baseline: bool
    answers: int


class ModelBody(BaseModel):
    """A model, or one of the names that leave the choice to the router."""

    id: str
    object: str = "model"
    created: int
    owned_by: str
    conduit: ModelFacts | None = None


class ModelList(BaseModel):
    """All that may be asked for."""

    object: str = "list"
    data: list[ModelBody]


@routes.get("", summary="The models to choose among")
async def list_models(request: Request) -> ModelList:
    """The models, and the names that leave the choice to the router."""
    server = opened(request.scope)
    names = [AUTO, *(f"{AUTO}:{preset}" for preset in OptimizeFor)]
    return ModelList(
        data=[
            *(_body(arm, server) for arm in server.router.arms),
            *(_automatic(name, server) for name in names),
        ]
    )


@routes.get("/{model:path}", summary="One model")
async def one_model(model: str, request: Request) -> ModelBody:
    """One model, by its id."""
    listed: list[ModelBody] = (await list_models(request)).data
    found = next((entry for entry in listed if entry.id == model), None)
    if found is None:
        raise UnknownModelError(model, known=[entry.id for entry in listed])
    return found


def _body(arm: Arm, server: Opened) -> ModelBody:
    facts: dict[str, Any] = {
        "provider": arm.provider,
        "tier": arm.tier,
        "price": PriceBody.of(arm.price),
        "max_output_tokens": arm.max_output_tokens,
        "baseline": arm.id == server.router.baseline.id,
        "answers": server.tally.answers[arm.id],
    }
    return ModelBody(
        id=arm.id,
        created=int(server.started_at),
        owned_by=arm.provider,
        conduit=ModelFacts(**facts),
    )


def _automatic(name: str, server: Opened) -> ModelBody:
    return ModelBody(id=name, created=int(server.started_at), owned_by="conduit")
