"""The document of routes that FastAPI does not describe by itself: those it does not serve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from conduit.api import chat
from conduit.api.chat_request import ChatRequest, Object
from conduit.api.compatibility import TAG
from conduit.api.directives import PREFIX, Directives
from conduit.api.schemas import ERRORS, ErrorBody

_REF = "#/components/schemas/{model}"
TAGS: list[dict[str, Any]] = [
    {"name": "OpenAI", "description": "OpenAI's protocol: change base_url, keep your program."},
    {"name": "Conduit", "description": "What only a router can be asked."},
    {"name": "Administration", "description": "Models and budgets; needs CONDUIT_ADMIN_KEY."},
    {
        "name": TAG,
        "description": "Conductor's and cost-aware's protocols, for programs written for those: "
        'the fields are theirs, errors are {"detail": …}, unknown fields are ignored. New programs '
        "are better off with the other routes.",
    },
    {"name": "Health", "description": "For whoever watches over the server."},
]


class ChatMessage(BaseModel):
    """What the model said."""

    role: str
    content: str | None
    tool_calls: list[Object] | None = None


class Choice(BaseModel):
    """The one answer."""

    index: int
    message: ChatMessage
    finish_reason: str


class Usage(BaseModel):
    """Tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    """An answer; headers x-conduit-… say what was decided, and what it did cost."""

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None


class Documented(FastAPI):
    """An app whose document also has the chat completions."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve without FastAPI's own telemetry, which asks for global providers at each request."""
        await Starlette.__call__(self, scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = super().openapi()
        document["paths"].setdefault(chat.PATH, {"post": _operation()})
        document["components"]["schemas"] |= _schemas()
        return document


def _operation() -> dict[str, Any]:
    answers = {
        str(status): {"description": said["description"], **_json(ErrorBody)}
        for status, said in ERRORS.items()
    }
    stream = {"text/event-stream": {"schema": {"type": "string"}}}
    return {
        "tags": ["OpenAI"],
        "summary": "Have a conversation continued, whole or piece by piece",
        "description": "The model is decided by Conduit, unless one is named. Fields that are not "
        "listed are handed on to it. With stream the answer comes as server-sent events.",
        "operationId": "chat_completions",
        "parameters": [_header(name) for name in Directives.model_fields],
        "requestBody": {"required": True, **_json(ChatRequest, example=_EXAMPLE)},
        "responses": {
            "200": {
                "description": "The answer",
                "content": _json(ChatCompletion)["content"] | stream,
            },
            **answers,
        },
    }


_EXAMPLE: Mapping[str, Any] = {
    "model": "auto",
    "messages": [{"role": "user", "content": "What is 2+2?"}],
    "conduit": {"max_cost": 0.01},
}


def _header(field: str) -> dict[str, Any]:
    return {
        "name": PREFIX.decode() + field.replace("_", "-"),
        "in": "header",
        "required": False,
        "description": Directives.model_fields[field].description,
        "schema": {"type": "string"},
    }


def _json(model: type[BaseModel], *, example: object = None) -> dict[str, Any]:
    body: dict[str, Any] = {"schema": {"$ref": _REF.format(model=model.__name__)}}
    if example is not None:
        body["example"] = example
    return {"content": {"application/json": body}}


def _schemas() -> dict[str, Any]:
    shown = (ChatRequest, ChatCompletion, Directives, ErrorBody)
    _, schemas = models_json_schema([(model, "validation") for model in shown], ref_template=_REF)
    described = dict(schemas["$defs"])
    described["ChatRequest"]["properties"]["conduit"] = {
        "anyOf": [{"$ref": _REF.format(model="Directives")}, {"type": "null"}]
    }
    return described
