"""A request of OpenAI's chat completions protocol, checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conduit.api.directives import Name
from conduit.api.handlers import explain
from conduit.api.refusals import refuse

Object: TypeAlias = dict[str, Any]
DEEPEST = 64
"""Levels of nesting that a body may have."""


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Object] | None = None
    tool_calls: list[Object] | None = None
    tool_call_id: str | None = None


class StreamOptions(BaseModel):
    """How an answer is to be streamed."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool = Field(default=False, description="End with a piece that says the tokens.")


class ChatRequest(BaseModel):
    """A conversation to be continued; fields that are not listed are handed on to the model."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    messages: Annotated[list[Message], Field(min_length=1)]
    model: Name = Field(
        default="auto",
        description="auto, auto:balanced, auto:cost, auto:quality, auto:speed, or the id of a model.",
    )
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    n: int | None = Field(default=None, description="Only 1 is served.")
    user: Name | None = Field(default=None, description="Whose query it is.")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    tools: list[Object] | None = None
    tool_choice: str | Object | None = None
    response_format: Object | None = None
    conduit: Object | None = Field(
        default=None, description="What is asked of the router; headers x-conduit-… say the same."
    )


OWN = ("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens",
       "n", "user", "conduit")  # fmt: skip
"""Fields that say what is asked of the router; they never reach the model as options."""


def read_chat(body: bytes) -> tuple[ChatRequest, Object]:
    """A request and its JSON.

    Raises:
        RefusedError: for what is no JSON, or no request that can be served.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise refuse(f"the body is no JSON: {error.msg}", code="invalid_json") from None
    if not is_shallow(value):
        raise refuse(f"the body is nested deeper than {DEEPEST} levels", code="invalid_json")
    try:
        request = ChatRequest.model_validate(value)
    except ValidationError as error:
        message, param = explain(error.errors(include_input=False, include_url=False))
        raise refuse(message, code="invalid_value", param=param) from None
    if request.n not in (None, 1):
        raise refuse(
            f"n={request.n}: one answer is given to a request; ask {request.n} times",
            code="unsupported_value",
            param="n",
        )
    return request, value


def options_of(value: Object) -> Object:
    """What is handed on to the model as it is."""
    return {name: given for name, given in value.items()
            if name not in OWN and given is not None}  # fmt: skip


def is_shallow(value: object) -> bool:
    """Whether JSON has at most :data:`DEEPEST` levels: deeper, a recursion might fail at it."""
    level = _containers([value])
    for _ in range(DEEPEST):
        if not level:
            return True
        level = [inner for outer in level for inner in _containers(_inside(outer))]
    return False


def _inside(value: Object | list[Any]) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value


def _containers(values: Iterable[object]) -> list[Object | list[Any]]:
    return [value for value in values if isinstance(value, dict | list)]
