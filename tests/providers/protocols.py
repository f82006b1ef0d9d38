"""The four protocols as their documentation describes them: requests to expect, answers to give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from conduit.core.arms import Arm
from conduit.core.outcomes import ModelRequest

from .loopback import Received

KEY = "key-that-nobody-may-see"
MODEL = "some-model"
PROMPT = "What is 2+2?"


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How one provider is spoken to; ``path`` is a pattern, as SDKs differ in the version they name.

    ``finish`` maps Conduit's finish reasons to the protocol's; ``good`` builds a complete answer
    from text and finish reason, with 11 tokens in and 7 out; ``fault`` builds an error body from
    a message and a status.
    """

    name: str
    prefix: str
    path: str
    finish: Mapping[str, str]
    good: Callable[[str, str], Any]
    fault: Callable[[str, int], Any]
    asked: Callable[[Received], tuple[str, str, int]]
    via: str = "pydantic_ai"

    def __str__(self) -> str:
        return f"{self.via}-{self.name}"

    def arm(self, url: str) -> Arm:
        return Arm(id="the-arm", provider=self.name, model=MODEL, base_url=url + self.prefix)

    def key(self, received: Received) -> str | None:
        """The credential in the header of this protocol; Anthropic's takes either form."""
        headers = received.headers
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if self.name == "google":
            return headers.get("x-goog-api-key")
        return headers.get("x-api-key", bearer) if self.name == "anthropic" else bearer

    def answer(self, text: str, finish: str = "stop") -> Any:
        return self.good(text, self.finish[finish])


def ask(arm: Arm, **options: Any) -> ModelRequest:
    """A request for one short answer."""
    return ModelRequest(arm=arm, text=PROMPT, **options)


def _chat(text: str, finish: str) -> Any:
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1700000000,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


def _chat_fault(message: str, status: int) -> Any:
    return {"error": {"message": message, "type": "some_error", "code": None, "param": None}}


def _chat_asked(limit: str) -> Callable[[Received], tuple[str, str, int]]:
    return lambda received: (
        received.body["model"],
        received.body["messages"][-1]["content"],
        received.body[limit],
    )


_CHAT_FINISH = {"stop": "stop", "length": "length", "content_filter": "content_filter"}


def _messages(text: str, finish: str) -> Any:
    return {
        "id": "x",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": text}] if text else [],
        "stop_reason": finish,
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }


def _messages_fault(message: str, status: int) -> Any:
    return {"type": "error", "error": {"type": "some_error", "message": message}}


def _messages_asked(received: Received) -> tuple[str, str, int]:
    content = received.body["messages"][-1]["content"]
    return received.body["model"], content[0]["text"], received.body["max_tokens"]


def _generate(text: str, finish: str) -> Any:
    content = {"role": "model", "parts": [{"text": text}] if text else []}
    return {
        "candidates": [{"content": content, "finishReason": finish, "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 11,
            "candidatesTokenCount": 7,
            "totalTokenCount": 18,
        },
        "modelVersion": MODEL,
    }


def _generate_fault(message: str, status: int) -> Any:
    return {"error": {"code": status, "message": message, "status": "SOME_STATUS"}}


def _generate_asked(received: Received) -> tuple[str, str, int]:
    model = received.path.rsplit("/", 1)[1].split(":")[0]
    text = received.body["contents"][-1]["parts"][0]["text"]
    return model, text, received.body["generationConfig"]["maxOutputTokens"]


def _openai_like(name: str, *, prefix: str, path: str) -> Protocol:
    return Protocol(
        name=name,
        prefix=prefix,
        path=path,
        finish=_CHAT_FINISH,
        good=_chat,
        fault=_chat_fault,
        asked=_chat_asked("max_tokens"),
    )


OPENAI = _openai_like("openai", prefix="/v1", path="/v1/chat/completions")
GROQ = _openai_like("groq", prefix="", path="/openai/v1/chat/completions")
OPENROUTER = _openai_like("openrouter", prefix="/api/v1", path="/api/v1/chat/completions")
LMSTUDIO = _openai_like("lmstudio", prefix="/v1", path="/v1/chat/completions")
ANTHROPIC = Protocol(
    name="anthropic",
    prefix="",
    path="/v1/messages",
    finish={"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"},
    good=_messages,
    fault=_messages_fault,
    asked=_messages_asked,
)
GOOGLE = Protocol(
    name="google",
    prefix="",
    path=f"/v1(beta)?/models/{MODEL}:generateContent",
    finish={"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"},
    good=_generate,
    fault=_generate_fault,
    asked=_generate_asked,
)
FAST = tuple(replace(each, via="aiohttp") for each in (OPENAI, GROQ, OPENROUTER, LMSTUDIO))
"""OpenAI's protocol as our own client speaks it."""
OWN_PROTOCOLS = (OPENAI, ANTHROPIC, GOOGLE, GROQ, FAST[0])
ALL = (*OWN_PROTOCOLS, OPENROUTER, LMSTUDIO, *FAST[1:])
