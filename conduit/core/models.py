"""What a caller hands in: a query, its constraints and its preferences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from numbers import Real
from uuid import uuid4

from conduit.core.chat import Chat
from conduit.core.errors import InvalidInputError
from conduit.core.figures import brief, finite

MAX_TEXT_BYTES = 100_000
"""Longest prompt accepted, in bytes of UTF-8 (100 KB)."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class OptimizeFor(StrEnum):
    """Presets of the trade-off between quality, cost and latency."""

    BALANCED = "balanced"
    QUALITY = "quality"
    COST = "cost"
    SPEED = "speed"

    @classmethod
    def named(cls, name: str) -> OptimizeFor:
        """The preset of that name.

        Raises:
            InvalidInputError: for a name that is no preset.
        """
        try:
            return cls(name)
        except ValueError:
            raise InvalidInputError(
                f"optimize_for={str(name)!r} is no preset",
                remedy=f"choose one of: {', '.join(cls)}",
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What a user cares about.

    Args:
        optimize_for: the preset; a plain string such as ``"cost"`` is accepted.

    Raises:
        InvalidInputError: for a name that is no preset.
    """

    optimize_for: OptimizeFor = OptimizeFor.BALANCED

    def __post_init__(self) -> None:
        object.__setattr__(self, "optimize_for", OptimizeFor.named(self.optimize_for))


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryConstraints:
    """Limits for one query.

    Args:
        max_cost: USD for this call; a hard limit that is never relaxed. Zero means zero.
        max_latency: seconds; relaxed after ``min_quality``, and said so.
        min_quality: expected quality in 0..1; relaxed after the budget, and said so.
        preferred_provider: a soft preference; it removes no model.

    Raises:
        InvalidInputError: for a negative, infinite or NaN limit, or a quality outside 0..1.
    """

    max_cost: float | None = None
    max_latency: float | None = None
    min_quality: float | None = None
    preferred_provider: str | None = None

    def __post_init__(self) -> None:
        _check_limit("max_cost", self.max_cost, unit="USD")
        _check_limit("max_latency", self.max_latency, unit="seconds")
        _check_limit("min_quality", self.min_quality, unit="0..1", most=1.0)


@dataclass(frozen=True, slots=True)
class Query:
    """One prompt to be answered.

    Control characters other than tab and line breaks are removed from the text.

    Args:
        text: the prompt, at most :data:`MAX_TEXT_BYTES` bytes of UTF-8.
        user_id: whose query it is, as text; budgets and retries are kept per user.
        constraints: limits for this query.
        preferences: what matters for this query; None takes the router's.
        context: the caller's own labels; stored with nothing, never seen by the features.
        max_tokens: longest answer, in tokens.
        id: unique; made up when not given.
        chat: the conversation that is to be answered; ``text`` is then what the decision is made on.
        temperature: of sampling, 0..2; None leaves it to the model.

    Raises:
        InvalidInputError: for empty or oversized text, a user that is no text or an empty one, or a
            limit out of range.
    """

    text: str
    user_id: str | None = None
    constraints: QueryConstraints = field(default_factory=QueryConstraints)
    preferences: Preferences | None = None
    context: Mapping[str, object] | None = None
    max_tokens: int | None = None
    id: str = field(default_factory=lambda: uuid4().hex)
    chat: Chat | None = None
    temperature: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise InvalidInputError(
                f"text must be a string, not {type(self.text).__name__}", remedy="pass the prompt"
            )
        text = _CONTROL.sub("", self.text)
        if not text.strip():
            raise InvalidInputError(f"text={self.text[:20]!r} is empty", remedy="pass a prompt")
        size = len(text.encode())
        if size > MAX_TEXT_BYTES:
            raise InvalidInputError(
                f"text has {size:,} bytes, more than the {MAX_TEXT_BYTES:,} allowed",
                remedy="shorten the prompt",
            )
        if self.user_id is not None and not isinstance(self.user_id, str):
            raise InvalidInputError(
                f"user_id={self.user_id!r} is no text", remedy="give a text, such as str(user_id)"
            )
        if self.user_id == "":  # nobody's budgets would apply, and nobody would notice
            raise InvalidInputError(
                "user_id='' names nobody", remedy="give the user's id, or None for no user"
            )
        _check_type("constraints", self.constraints, QueryConstraints)
        if self.preferences is not None:
            _check_type("preferences", self.preferences, Preferences)
        if self.max_tokens is not None:
            _check_type("max_tokens", self.max_tokens, int)
            if self.max_tokens < 1:
                raise InvalidInputError(
                    f"max_tokens={self.max_tokens} is below 1", remedy="ask for one token or more"
                )
        _check_limit("temperature", self.temperature, unit="0..2", most=2.0)
        object.__setattr__(self, "text", text)


def _check_type(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InvalidInputError(f"{name}={value!r} cannot be used", remedy=f"give {kind.__name__}")


def _check_limit(name: str, value: float | None, *, unit: str, most: float | None = None) -> None:
    if value is None:
        return
    if not isinstance(value, Real) or not finite(value) or value < 0:
        raise InvalidInputError(
            f"{name}={brief(value)} is no limit",
            remedy=f"give a finite number of at least 0 ({unit})",
        )
    if most is not None and value > most:
        raise InvalidInputError(f"{name}={value} is above {most:g}", remedy=f"give {unit}")
