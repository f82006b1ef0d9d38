"""An answer in OpenAI's chat protocol that comes piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from conduit.core.errors import FailureKind
from conduit.core.extras import Extras, merged
from conduit.core.outcomes import Delta, ModelReply
from conduit.core.sharing import Json
from conduit.providers.chat_extras import extras_in
from conduit.providers.chat_replies import (
    UNKNOWN,
    broken_off,
    decoded,
    finished,
    first_choice,
    refuse_error,
    text_in,
    unreadable,
    usage_in,
)
from conduit.providers.event_stream import EventParser
from conduit.providers.replies import BROKEN_OFF
from conduit.providers.tool_fragments import ToolFragments

_DONE = b"[DONE]"


class AnswerSoFar:
    """Takes up pieces, and knows the whole reply in the end.

    Args:
        model: id of the arm.
        secrets: keys to strike out of what the server says of its faults.
        decode: JSON to values.

    Attributes:
        usage: what was billed, as far as the server has said.
        ended: whether no more is to come.
    """

    def __init__(
        self, *, model: str, secrets: Iterable[str], decode: Callable[[bytes], Any]
    ) -> None:
        self._model = model
        self._secrets = secrets
        self._decode = decode
        self._events = EventParser()
        self._texts: list[str] = []
        self._extras: list[Extras] = []
        self._held: list[Extras] = []
        self._begun = False
        self._tools = ToolFragments()
        self._finish: object = None
        self._said_so = False
        self.usage = UNKNOWN
        self.ended = False

    def feed(self, piece: bytes) -> Iterator[Delta]:
        """Take up bytes as they come, none at the end; what they add to the answer.

        Raises:
            ProviderError: for an event that is an error, or none of this protocol.
        """
        self.ended = not piece
        for data in self._events.feed(piece):
            if data == _DONE:
                self._said_so = self.ended = True
                return
            delta = self._add(data)
            if delta is not None:
                yield delta

    def reply(self, *, latency: float) -> ModelReply:
        """The whole reply; ``latency`` is the seconds that the model took.

        Raises:
            ProviderError: CONNECTION when the stream ended and the answer had not; otherwise as
                for every answer.
        """
        if not self._said_so and self._finish is None:
            raise broken_off(
                self._model,
                BROKEN_OFF,
                self.usage,
                kind=FailureKind.CONNECTION,
                sent=True,
            )
        return finished(
            text="".join(self._texts),
            extras=merged(self._extras),
            tool_calls=self._tools.calls,
            finish=self._finish,
            usage=self.usage,
            model=self._model,
            latency=latency,
        )

    def _add(self, data: bytes) -> Delta | None:
        piece = decoded(data, decode=self._decode, model=self._model, usage=self.usage)
        if not isinstance(piece, dict):
            raise unreadable(self._model, f"a {type(piece).__name__} as a piece", self.usage)
        self.usage = usage_in(piece) or self.usage  # comes last, with no choices, or in every piece
        refuse_error(piece, model=self._model, secrets=self._secrets, usage=self.usage)
        choice = first_choice(piece)
        self._finish = choice.get("finish_reason") or self._finish
        delta = choice.get("delta")
        extras = extras_in(piece, choice, delta)
        if extras:
            self._extras.append(extras)
        if not isinstance(delta, dict):
            return None
        text = text_in(delta.get("content"))
        calls = self._tools.add(delta.get("tool_calls"))
        if text:
            self._texts.append(text)
        return self._handed_on(text, calls, extras)

    def _handed_on(self, text: str, calls: tuple[Json, ...], extras: Extras) -> Delta | None:
        """A piece; what comes before any answer waits, for another model may still give one.

        What is thought meanwhile is told in bytes, for it is paid even if no answer comes.
        """
        thought = extras.thought
        if text or calls or extras.answers:
            held, self._held, self._begun = self._held, [], True
            if held:
                extras = merged([*held, extras])
            return Delta(text=text, tool_calls=calls, extras=extras, thought=thought)
        if self._begun and (extras.message or extras.choice):
            return Delta(extras=extras, thought=thought)
        if extras and not self._begun:
            self._held.append(extras)
        return Delta(thought=thought) if thought else None
