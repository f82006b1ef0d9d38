"""Answers and failures written down beforehand: the stand-in for real providers."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.providers.replies import check_answer, check_deadline, in_words

Answers: TypeAlias = str | Mapping[str, str] | Callable[[ModelRequest], str | ModelReply]
Failure: TypeAlias = FailureKind | ProviderError | None

CHARACTERS_PER_TOKEN = 4


class ScriptedProvider:
    """A model client that works offline and always does the same.

    Tokens are counted by one rule: a token per four characters, rounded up, and at least one. An
    answer longer than ``max_tokens`` is cut there and finishes with ``length``.

    Args:
        answers: one answer for all prompts; or a mapping from prompt to answer; or a function of
            the request that returns the text, or a whole reply (with tool calls, say), which is
            then left as it is. The prompt of a conversation is the part that was routed on.
        failures: per arm id, how its calls end, in order; None lets a call through, and so does
            the end of the sequence. ``itertools.repeat(FailureKind.SERVER)`` fails for ever.
        latency: seconds every call takes, or per arm id; None measures nothing. Calls that would
            last longer than their timeout fail with ``TIMEOUT``.
        sleep: spends that time, such as ``asyncio.sleep``; None only reports it.
        remember: whether requests are kept, which a server that runs for long does not want.

    Attributes:
        requests: every request received, in order, failed ones included.
    """

    def __init__(
        self,
        answers: Answers = "This is a scripted answer.",
        *,
        failures: Mapping[str, Iterable[Failure]] = MappingProxyType({}),
        latency: float | Mapping[str, float] | None = None,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        remember: bool = True,
    ) -> None:
        self._answers = answers
        self._failures = {arm: iter(script) for arm, script in failures.items()}
        self._latency = latency
        self._sleep = sleep
        self._remember = remember
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer as scripted.

        Raises:
            ProviderError: as scripted; BAD_REQUEST for a prompt that the mapping does not hold;
                TIMEOUT and EMPTY as from every client.
        """
        if self._remember:
            self.requests.append(request)
        latency = self._latency_of(request.arm.id)
        await self._spend(latency, request)
        check_deadline(latency, request.timeout, model=request.arm.id)
        failure = next(self._failures.get(request.arm.id, iter(())), None)
        if failure is not None:
            raise _error(failure, model=request.arm.id)
        return check_answer(self._reply(request, latency), model=request.arm.id)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | ModelReply, None]:
        """Answer as scripted, word by word; the reply is last.

        Raises:
            ProviderError: as :meth:`complete` does, before the first piece.
        """
        for piece in in_words(await self.complete(request)):
            yield piece

    async def aclose(self) -> None:
        """Nothing to release."""

    def _latency_of(self, arm: str) -> float | None:
        return self._latency.get(arm) if isinstance(self._latency, Mapping) else self._latency

    async def _spend(self, latency: float | None, request: ModelRequest) -> None:
        if self._sleep is not None and latency is not None:
            deadline = math.inf if request.timeout is None else request.timeout
            await self._sleep(min(latency, deadline))

    def _reply(self, request: ModelRequest, latency: float | None) -> ModelReply:
        answer = self._answer(request)
        if isinstance(answer, ModelReply):
            return answer
        most = math.inf if request.max_tokens is None else request.max_tokens
        cut = count_tokens(answer) > most
        text = answer[: CHARACTERS_PER_TOKEN * int(most)] if cut else answer
        return ModelReply(
            text=text,
            input_tokens=_counted(request),
            output_tokens=count_tokens(text),
            latency=latency,
            finish_reason="length" if cut else "stop",
        )

    def _answer(self, request: ModelRequest) -> str | ModelReply:
        if isinstance(self._answers, str):
            return self._answers
        if callable(self._answers):
            return self._answers(request)
        if request.text not in self._answers:
            raise ProviderError(
                FailureKind.BAD_REQUEST,
                model=request.arm.id,
                detail=f"no answer is scripted for the prompt {request.text[:60]!r}",
            )
        return self._answers[request.text]


def _counted(request: ModelRequest) -> int:
    if request.chat is None:
        return count_tokens(request.text)
    return _tokens(request.chat.characters)


def count_tokens(text: str) -> int:
    """A token per four characters, rounded up, and at least one."""
    return _tokens(len(text))


def _tokens(characters: int) -> int:
    return max(1, math.ceil(characters / CHARACTERS_PER_TOKEN))


def _error(failure: FailureKind | ProviderError, *, model: str) -> ProviderError:
    if isinstance(failure, ProviderError):
        return failure
    return ProviderError(failure, model=model, detail="scripted")
