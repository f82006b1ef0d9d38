"""Words that hint at how much work a prompt asks for."""

from __future__ import annotations

import re

_WORK = (
    r"analy[sz]\w*|architect\w*|assess\w*|compar\w+|complex\w*|debug\w*|deriv\w+|design\w*"
    r"|diagnos\w+|evaluat\w+|explain\w*|implement\w*|justif\w+|mitigat\w+|multi-?step|optimi[sz]\w*"
    r"|plan\w*|pro(?:of|ve)\w*|reason\w*|refactor\w*|risks?|strateg\w+|synthesi[sz]\w*"
    r"|trade-?offs?|why"
)
_HINTS = re.compile(rf"\b(?:{_WORK})\b", re.IGNORECASE)
_LIGHT = (
    r"summar\w+|translat\w+|list|name|define|spell|convert|rewrite|rephrase|correct|format|extract"
    r"|classify|count|tell me|what(?:'s| is| are| was)|who|when|where|which|hello|hi|hey|thanks?"
)
_COURTESY = (
    r"hello|hi|hey|please|kindly|can|could|would|will|you|i|we|want|would like|need|help|me|us|to"
    r"|let's|now|first|carefully|briefly"
)
_TASK = re.compile(
    rf"\W{{0,8}}(?:(?:{_COURTESY})[ ,]{{1,3}}){{0,8}}(?:(?P<work>{_WORK})|(?:{_LIGHT}))\b",
    re.IGNORECASE,
)


def count_hints(text: str) -> int:
    """How often words occur that hint at work, such as "analyze" or "trade-offs"."""
    return sum(1 for _ in _HINTS.finditer(text))


def task_of(text: str) -> int:
    """What a prompt asks for, by the word that it begins with, words of courtesy apart.

    Whatever is added behind that word changes nothing.

    Returns:
        1 for work, as "analyze" or "debug"; -1 for what is quickly done, as "summarize" or
        "what is"; 0 where it begins otherwise. English alone is understood.
    """
    found = _TASK.match(text)
    if found is None:
        return 0
    return -1 if found["work"] is None else 1
