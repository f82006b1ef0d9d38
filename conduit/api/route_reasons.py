"""Cost-aware's ``route_reason`` and ``force_model``."""

from __future__ import annotations

from collections.abc import Sequence

from conduit.catalog.baseline import cheapest
from conduit.core.arms import Arm, Tier
from conduit.core.decisions import Decision
from conduit.core.errors import UnknownModelError
from conduit.core.outcomes import Response
from conduit.features.hints import count_hints

HIGH = 0.6
"""Complexity from which a prompt counts as complex."""
CHEAP = "cheap"
_LONG, _MANY = 200, 10
"""Words, and hints, that count in full."""


def prompt_complexity(prompt: str) -> float:
    """How much a prompt asks for by cost-aware's formula, 0..1.

    ``.6 · min(words / 200, 1) + .4 · min(hits / 10, 1)``, where hits are words that hint at work,
    such as "analyze" or "trade-offs", every one of them. It describes a prompt; nothing is decided
    on it.
    """
    words, hits = len(prompt.split()), count_hints(prompt)
    return 0.6 * min(words / _LONG, 1.0) + 0.4 * min(hits / _MANY, 1.0)


def route_reason(
    prompt: str,
    decision: Decision | None,
    response: Response,
    *,
    force_model: str | None,
    limits: Sequence[str],
) -> str:
    """Why the model that answered did so, in cost-aware's form ``reason(detail=value)``.

    Args:
        prompt: the prompt.
        decision: that was made for it; None where that is unknown.
        response: the answer.
        force_model: what the caller forced.
        limits: names of the fields by which the caller set a limit.
    """
    if response.cached or decision is None:
        return f"cache_hit(model={response.model})"
    if response.model != decision.selected_model:
        return f"fallback(from={decision.selected_model})"
    if force_model is not None:
        return f"force_model({force_model})"
    if decision.constraints_relaxed:
        return f"constraint_relaxed({','.join(decision.constraints_relaxed)})"
    if limits and not decision.fallback_chain and len(decision.probabilities) > 1:
        return f"constraint({','.join(limits)})"
    score = prompt_complexity(prompt)
    return f"prompt_complexity_{'high' if score >= HIGH else 'low'}(score={score:.2f})"


def forced_models(name: str, arms: Sequence[Arm]) -> list[str]:
    """Ids of the models meant by a model's id, a provider, a tier, or ``cheap``.

    ``cheap`` is the tier ``budget``, or the cheapest model where there is none of that tier.

    Raises:
        UnknownModelError: for any other name, and for a tier without models.
    """
    tier = Tier.BUDGET.value if name == CHEAP else name
    found = (
        [arm.id for arm in arms if arm.id == name]
        or [arm.id for arm in arms if arm.provider == name]
        or [arm.id for arm in arms if arm.tier == tier]
    )
    if not found and name == CHEAP:
        return [cheapest(arms).id]
    if not found:
        known = (*(arm.id for arm in arms), *(arm.provider for arm in arms), *Tier, CHEAP)
        raise UnknownModelError(name, known=list(dict.fromkeys(known)))
    return found
