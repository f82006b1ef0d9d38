"""Answers that may be given again to equal requests."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

from conduit.core.caching import Cache
from conduit.core.extras import Extras
from conduit.core.outcomes import Response
from conduit.core.sharing import Json
from conduit.engines.canonical import canonical
from conduit.engines.errand import Errand

MOST_BYTES = 32 * 2**20
"""Bytes of answers that are kept; the one asked for longest ago goes first."""
ORDINARY_SECONDS = 300.0
"""How long an answer is kept that a caller asks to be kept, where nothing is set."""
_WHOLE = {"stop", "tool_calls"}


class AnswerCache:
    """Gives an earlier answer to a request that is equal in all that shapes an answer.

    That is the text or the messages, the options, the longest answer, the temperature, and the models
    it was limited to; neither the caller nor the policy nor the models there are.

    Args:
        cache: keeps the bytes.
        seconds: how long an answer is kept; None keeps only those that callers ask to be kept.
    """

    def __init__(self, cache: Cache, *, seconds: float | None) -> None:
        self._cache = cache
        self._seconds = seconds

    async def get(self, errand: Errand) -> Response | None:
        """What was answered before, as it is given now: at no cost, by no call."""
        if not self._wanted(errand):
            return None
        entry = await self._cache.get(_key(errand))
        if entry is None:
            return None
        fields: dict[str, Any] = json.loads(entry)
        fields["tool_calls"] = tuple(fields["tool_calls"])
        fields["extras"] = Extras(**fields["extras"])
        return replace(Response(**fields), cost=0.0, latency=None, attempts=0, cached=True)

    async def put(self, errand: Errand, response: Response) -> None:
        """Keep an answer, if it is whole."""
        if self._wanted(errand) and _is_whole(response):
            fields = asdict(response)
            del fields["lost"]  # in this answer's calls; of one given again there are none
            entry = canonical(fields)
            await self._cache.put(_key(errand), entry, ttl=self._seconds or ORDINARY_SECONDS)

    def _wanted(self, errand: Errand) -> bool:
        return self._seconds is not None if errand.cache is None else errand.cache


def _key(errand: Errand) -> str:
    query = errand.query
    asked: Any = query.text
    if query.chat is not None:
        asked = [query.chat.messages, query.chat.options]
    models = None if errand.models is None else sorted(errand.models)
    shape = canonical([asked, query.max_tokens, query.temperature, models])
    return f"conduit:answers:{hashlib.sha256(shape).hexdigest()}"


def _is_whole(response: Response) -> bool:
    """Whether nothing is missing: neither text nor, of a call, arguments that can be read."""
    return response.finish_reason in _WHOLE and all(map(_is_readable, response.tool_calls))


def _is_readable(call: Json) -> bool:
    try:
        json.loads(call["function"]["arguments"])
    except (KeyError, TypeError, ValueError):
        return False
    return True
