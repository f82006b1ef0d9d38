"""What a request asks of the router."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from conduit.api.chat_request import ChatRequest, options_of, read_chat
from conduit.api.directives import Directives, directives_of
from conduit.api.keys import Headers
from conduit.api.refusals import refuse
from conduit.core.budgets import Scope
from conduit.core.chat import Chat
from conduit.core.models import Query
from conduit.core.outcomes import Response
from conduit.engines.answer_stream import AnswerStream
from conduit.engines.billing import tokens_of
from conduit.engines.router import Router
from conduit.settings import Settings

AUTO = "auto"
_WORDLESS = "(no text)"
"""What is routed on where a conversation has parts, but no text among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query and how it is to be answered.

    Args:
        query: with its conversation.
        models: the only ones allowed; None leaves the choice to the router.
        scopes: on whose account, besides the user's.
        strict: refuse rather than relax a limit.
        cache: whether an equal request's answer will do; None takes the setting.
        continue_cut: whether an answer cut by its length is continued; None likewise.
        stream: answer piece by piece.
        usage: end a stream with a piece that says the tokens.
    """

    query: Query
    models: tuple[str, ...] | None
    scopes: tuple[Scope, ...]
    strict: bool
    cache: bool | None
    continue_cut: bool | None = None
    stream: bool = False
    usage: bool = False

    async def complete(self, router: Router) -> Response:
        """Have it answered."""
        return await router.complete(
            self.query,
            models=self.models,
            strict=self.strict,
            scopes=self.scopes,
            cache=self.cache,
            continue_cut=self.continue_cut,
        )

    async def begin(self, router: Router) -> AnswerStream:
        """Have it answered piece by piece."""
        return await router.stream(
            self.query,
            models=self.models,
            strict=self.strict,
            scopes=self.scopes,
            cache=self.cache,
            continue_cut=self.continue_cut,
        )


def asked_in_chat(body: bytes, headers: Headers, *, key: str | None, settings: Settings) -> Asked:
    """What a request of the chat protocol asks.

    Args:
        body: JSON.
        headers: of the request.
        key: name of the caller's key.
        settings: limits, and what stands in for what was not said.

    Raises:
        RefusedError: for a request that cannot be understood.
        InvalidInputError: for a value that cannot be used.
    """
    request, value = read_chat(body)
    chat = Chat(messages=tuple(value["messages"]), options=options_of(value))
    directives = directives_of(request.conduit, headers)
    if request.user is not None:
        directives = directives.model_copy(update={"user": request.user})
    options = request.stream_options
    asked = ask(
        chat,
        directives,
        model=request.model,
        max_tokens=_longest(request),
        key=key,
        settings=settings,
    )
    return replace(
        asked,
        continue_cut=False,  # this protocol's callers are told of a cut, and go on themselves
        stream=bool(request.stream),
        usage=options is not None and options.include_usage,
    )


def ask(
    chat: Chat,
    directives: Directives,
    *,
    model: str,
    max_tokens: int | None,
    key: str | None,
    settings: Settings,
    models: Sequence[str] | None = None,
) -> Asked:
    """The query for a conversation.

    Args:
        chat: the conversation.
        directives: what is asked of the router.
        model: as the chat protocol names one.
        max_tokens: of the answer; None for what is set.
        key: name of the caller's key.
        settings: limits, and what stands in for what was not said.
        models: the only ones that are meant, however many; None leaves it to the directives.

    Raises:
        RefusedError: for a longer conversation than is taken.
        InvalidInputError: for a value that cannot be used.
    """
    _check_length(chat, settings.max_prompt_tokens)
    automatic, _, suffix = model.partition(":")
    forced = None if automatic == AUTO else (model,)
    allowed = models or directives.models
    return Asked(
        query=Query(
            _routing_text(chat),
            user_id=directives.user,
            constraints=directives.constraints,
            preferences=directives.preferences(None if forced else suffix),
            max_tokens=settings.max_tokens if max_tokens is None else max_tokens,
            temperature=None if "temperature" in chat.options else settings.temperature,
            chat=chat,
        ),
        models=forced or (tuple(allowed) if allowed else None),
        scopes=directives.scopes(key),
        strict=directives.strict,
        cache=directives.cache,
    )


def _longest(request: ChatRequest) -> int | None:
    newer = request.max_completion_tokens
    return request.max_tokens if newer is None else newer


def _routing_text(chat: Chat) -> str:
    text = chat.routing_text
    if text.strip():
        return text
    parts = any(isinstance(said.get("content"), list) and said["content"] for said in chat.messages)
    return _WORDLESS if parts else text


def _check_length(chat: Chat, most: int | None) -> None:
    if most is None:
        return
    tokens = tokens_of(chat)
    if tokens > most:
        raise refuse(
            f"the conversation has about {tokens:,} tokens, more than the {most:,} that are taken;"
            " shorten it",
            code="context_length_exceeded",
            param="messages",
        )
