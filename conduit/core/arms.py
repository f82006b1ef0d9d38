"""An arm: one model that can be chosen, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tier(StrEnum):
    """The class a model is sold in, from cheap to strong."""

    BUDGET = "budget"
    BALANCED = "balanced"
    PREMIUM = "premium"

    @property
    def rank(self) -> int:
        """Position from 0 (budget) to 2 (premium)."""
        return list(Tier).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """List price in USD per million tokens."""

    input: float
    output: float

    def cost(self, *, input_tokens: float, output_tokens: float) -> float:
        """Cost in USD of one call."""
        return (self.input * input_tokens + self.output * output_tokens) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One model among which the router chooses.

    Args:
        id: unique name of the arm, which is what users see (``gpt-4o-mini``).
        provider: who serves it (``openai``, ``anthropic``, ``google``, ``groq``, …).
        model: the name the provider knows it by; the id when left empty.
        price: list price; None only where outcomes carry their own cost (recorded data).
        tier: the class it is sold in.
        max_output_tokens: longest answer it gives.
        base_url: another address than the provider's own, for local servers and proxies.
    """

    id: str
    provider: str
    model: str = ""
    price: Price | None = None
    tier: Tier = Tier.BALANCED
    max_output_tokens: int = 8192
    base_url: str | None = None

    @property
    def api_name(self) -> str:
        """The name sent to the provider."""
        return self.model or self.id
