"""Bodies that several routes share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from conduit.core.arms import Price


class BudgetDetail(BaseModel):
    """The budget that refused a call; amounts in USD."""

    scope: str
    window: str
    limit: float
    spent: float
    requested: float
    resets_at: float | None
    resets_in: float | None
    reserved: float | None = None
    waited: float | None = None


class ErrorDetail(BaseModel):
    """What was wrong, and what to do."""

    message: str
    type: str
    param: str | None
    code: str | None
    budget: BudgetDetail | None = Field(default=None, description="With status 402.")


class ErrorBody(BaseModel):
    """An error, in OpenAI's shape."""

    error: ErrorDetail


class PriceBody(BaseModel):
    """USD per million tokens."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    input: float = Field(ge=0, le=1e6)
    output: float = Field(ge=0, le=1e6)

    @classmethod
    def of(cls, price: Price | None) -> PriceBody | None:
        """The same for people."""
        return None if price is None else cls(input=price.input, output=price.output)


SAID = {
    400: "a value cannot be used",
    401: "no key, or an unknown one",
    402: "a budget has too little left",
    403: "this key may not, or no key is set",
    404: "there is no such thing",
    405: "this address takes another method",
    408: "the body came too slowly",
    413: "the body is too long",
    415: "the body is a form or plain text, not JSON",
    422: "a field is missing or of the wrong type",
    429: "too many requests, here or at the provider",
    502: "no model answered",
    503: "the store or the configuration cannot be used",
    504: "no model answered in time",
}
"""What is wrong, by status."""
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": said} for status, said in SAID.items()
}
"""Answers that any route may give."""
