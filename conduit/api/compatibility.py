"""What the routes that speak like other programs have in common."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from conduit.api.schemas import SAID, BudgetDetail
from conduit.core.budgets import MOST

TAG = "compatibility"
Usd: TypeAlias = Annotated[float, Field(ge=0, le=MOST, description="USD.")]


class Taken(BaseModel):
    """A body as the originals take it: unknown fields are ignored, known ones are as documented."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


class DetailBody(BaseModel):
    """An error, in the shape of the originals."""

    detail: str = Field(description="What was wrong, and what to do.")
    code: str | None = Field(description="For programs.")
    param: str | None = Field(description="The field that is to blame.")
    budget: BudgetDetail | None = Field(default=None, description="With status 402.")


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": DetailBody, "description": said} for status, said in SAID.items()
}
"""Answers that any of these routes may give."""


def compatible_routes() -> APIRouter:
    """Routes that are marked as those of other programs."""
    return APIRouter(tags=[TAG], responses=ERRORS)
