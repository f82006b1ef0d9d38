"""PydanticAI's events, as pieces of an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from conduit.core.chat import utf8_bytes
from conduit.core.outcomes import Delta

if TYPE_CHECKING:
    from pydantic_ai.messages import ToolCallPart


_STEPS = 20
"""Turns of the loop after which a read has come to the socket; locks on its way take a few."""
_BUFFERED = 1000
"""Pieces that may be in memory already, so that to read them is no way to the socket."""


class Pieces:
    """Turns events into pieces; keeps which part of the answer is which tool call."""

    def __init__(self) -> None:
        self._calls: dict[int, int] = {}
        self._begun: set[int] = set()

    def of(self, event: Any) -> Iterator[Delta]:
        """What an event adds to the answer; events that add nothing are passed over."""
        from pydantic_ai import messages  # noqa: PLC0415 - heavy

        match event:
            case messages.PartStartEvent(part=messages.TextPart(content=text)):
                yield from _said(text)
            case messages.PartDeltaEvent(delta=messages.TextPartDelta(content_delta=text)):
                yield from _said(text)
            case messages.PartStartEvent(part=messages.ThinkingPart(content=text)):
                yield from _thought(text)
            case messages.PartDeltaEvent(delta=messages.ThinkingPartDelta(content_delta=text)):
                yield from _thought(text)
            case messages.PartStartEvent(index=index, part=messages.ToolCallPart() as part):
                self._calls[index] = len(self._calls)
                yield self._opening(index, part)
            case messages.PartDeltaEvent(
                index=index, delta=messages.ToolCallPartDelta(args_delta=str(text))
            ) if text:
                self._begun.add(index)
                yield self._fragment(index, function={"arguments": text})
            case messages.PartEndEvent(index=index, part=messages.ToolCallPart() as part):
                if index not in self._begun:
                    yield self._fragment(index, function={"arguments": arguments_of(part)})

    def _opening(self, index: int, part: ToolCallPart) -> Delta:
        begun = part.args if isinstance(part.args, str) else ""
        if begun:
            self._begun.add(index)
        function = {"name": part.tool_name, "arguments": begun}
        return self._fragment(index, id=part.tool_call_id, type="function", function=function)

    def _fragment(self, index: int, **fields: Any) -> Delta:
        return Delta(tool_calls=({"index": self._calls[index], **fields},))


async def hang_up(events: AsyncIterator[Any]) -> None:
    """Have a stream that nobody reads on close its connection.

    Closing a generator at rest does not close those that it reads from, and Google's SDK nests
    several: its connection would stay until memory is tidied up. A read that is cancelled ends them
    all, from the inside out. Where a server is so quick that reads are done by then, each next one is
    cancelled a turn sooner. The first turn comes last, in which locks may be all that is reached.
    """
    for turns in chain(range(_STEPS, 2, -1), repeat(2, _BUFFERED), repeat(1)):
        read = asyncio.ensure_future(anext(events, None))
        for _ in range(turns):
            await asyncio.sleep(0)
        if not read.done():
            read.cancel()
            await asyncio.wait({read})
        if read.cancelled() or read.exception() or read.result() is None:
            return


def arguments_of(part: ToolCallPart) -> str:
    """The arguments of a call as JSON, as the model wrote them where it wrote any."""
    if isinstance(part.args, str) and part.args:
        return part.args
    return json.dumps(part.args or {}, ensure_ascii=False)


def _said(text: str) -> Iterator[Delta]:
    if text:
        yield Delta(text=text)


def _thought(text: str | None) -> Iterator[Delta]:
    if text:
        yield Delta(thought=utf8_bytes(text))
