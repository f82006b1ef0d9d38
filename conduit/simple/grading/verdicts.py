"""Verdicts on how complex prompts are: what they say, those made here, and those remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from hashlib import sha256

from conduit.features.difficulty import raw_score_of

MOST_REMEMBERED = 4096
"""Verdicts of models that a process keeps, the last used ones: about 2 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartClassification:
    """How complex a prompt is.

    Args:
        raw_score: 1 (anyone can) to 10.
        reasoning: why, in a sentence, and who judged.
        from_cache: whether it was judged before, and cost nothing this time.
    """

    raw_score: int
    reasoning: str
    from_cache: bool = False

    @property
    def complexity_score(self) -> float:
        """``(raw_score - 1) / 9``, 0..1."""
        return (self.raw_score - 1) / 9


def judged_here(difficulty: float, *, because: str = "") -> SmartClassification:
    """The local classifier's verdict, for which no model was asked.

    Args:
        difficulty: of the prompt, 0..1.
        because: why no model was; nothing where none ever is.
    """
    raw_score = raw_score_of(difficulty)
    why = f" ({because})" if because else ""
    return SmartClassification(
        raw_score=raw_score,
        reasoning=f"{_named(raw_score)} task by how it begins and by its form; judged here, without "
        f"asking a model{why}",
    )


class Verdicts:
    """Remembers what models said of prompts, per prompt and model; safe for threads.

    Prompts are known by their hash, and the one that was not asked for longest goes first.

    Args:
        most: verdicts that are kept.
    """

    def __init__(self, *, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[bytes, str], SmartClassification] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._known)

    def get(self, prompt: str, *, model: str) -> SmartClassification | None:
        """What a model said of a prompt; None where it was not asked, or too long ago."""
        key = _key(prompt, model)
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
        return None if found is None else replace(found, from_cache=True)

    def put(self, prompt: str, verdict: SmartClassification, *, model: str) -> None:
        """Remember what a model said."""
        with self._lock:
            self._known[_key(prompt, model)] = verdict
            while len(self._known) > self._most:
                self._known.popitem(last=False)


def _key(prompt: str, model: str) -> tuple[bytes, str]:
    return sha256(prompt.encode("utf-8", "surrogatepass")).digest(), model


def _named(raw_score: int) -> str:
    if raw_score < 4:
        return "Simple"
    return "Moderate" if raw_score < 7 else "Complex"
