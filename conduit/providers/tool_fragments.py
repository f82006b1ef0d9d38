"""Tool calls that come in fragments."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from conduit.core.sharing import Json


class ToolFragments:
    """Puts fragments of tool calls together, each under the index of its call.

    A server that leaves the index out begins a call wherever it names an id that is not the last.
    """

    def __init__(self) -> None:
        self._calls: dict[int, dict[str, Any]] = {}
        self._last = -1

    def add(self, fragments: object) -> tuple[Json, ...]:
        """Take up fragments as they were received; returns them with their index."""
        return tuple(map(self._indexed, readable_calls(fragments)))

    @property
    def calls(self) -> tuple[Json, ...]:
        """The calls as far as they have come, in order."""
        return tuple(self._calls[index] for index in sorted(self._calls))

    def _indexed(self, fragment: Json) -> Json:
        index = self._index(fragment)
        self._last = index
        call = self._calls.setdefault(
            index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        call["id"] = call["id"] or _text(fragment.get("id"))
        function = fragment.get("function")
        if isinstance(function, dict):
            _extend(call["function"], function)
        return fragment if fragment.get("index") == index else {**fragment, "index": index}

    def _index(self, fragment: Json) -> int:
        index = fragment.get("index")
        if isinstance(index, int):
            return index
        last = self._calls.get(self._last)
        begins = last is None or fragment.get("id") not in (None, "", last["id"])
        return self._last + 1 if begins else self._last


def readable_calls(received: object) -> tuple[Json, ...]:
    """Calls, or fragments of them, as far as they are any.

    A few servers give arguments as the object that everybody else writes down; callers read text.
    """
    calls = received if isinstance(received, list) else ()
    return tuple(_written(call) for call in calls if isinstance(call, dict))


def whole_calls(calls: Iterable[Json]) -> tuple[Json, ...]:
    """Whole calls as fragments of a stream that has one for each."""
    return tuple({"index": index, **call} for index, call in enumerate(calls))


def _written(call: Json) -> Json:
    function = call.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), dict):
        return call
    arguments = json.dumps(function["arguments"], ensure_ascii=False)
    return {**call, "function": {**function, "arguments": arguments}}


def _extend(function: dict[str, str], said: Json) -> None:
    function["name"] += _text(said.get("name"))
    function["arguments"] += _text(said.get("arguments"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
