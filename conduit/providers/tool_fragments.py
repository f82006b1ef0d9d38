"""Tool calls that come in fragments."""

from __future__ import annotations

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
        received = fragments if isinstance(fragments, list) else ()
        return tuple(self._indexed(one) for one in received if isinstance(one, dict))

    @property
    def calls(self) -> tuple[Json, ...]:
        """The calls as far as they have come, in order."""
        return tuple(self._calls[index] for index in sorted(self._calls))

    def _indexed(self, fragment: dict[str, Any]) -> Json:
        index = self._index(fragment)
        self._last = index
        call = self._calls.setdefault(
            index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        call["id"] = call["id"] or fragment.get("id") or ""
        function = fragment.get("function")
        if isinstance(function, dict):
            _extend(call["function"], function)
        return fragment if fragment.get("index") == index else {**fragment, "index": index}

    def _index(self, fragment: dict[str, Any]) -> int:
        index = fragment.get("index")
        if isinstance(index, int):
            return index
        last = self._calls.get(self._last)
        begins = last is None or fragment.get("id") not in (None, "", last["id"])
        return self._last + 1 if begins else self._last


def whole_calls(calls: Iterable[Json]) -> tuple[Json, ...]:
    """Whole calls as fragments of a stream that has one for each."""
    return tuple({"index": index, **call} for index, call in enumerate(calls))


def _extend(function: dict[str, str], said: dict[str, Any]) -> None:
    function["name"] += said.get("name") or ""
    function["arguments"] += said.get("arguments") or ""
