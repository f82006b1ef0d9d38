"""The one readable sentence that explains a decision."""

from __future__ import annotations

from collections.abc import Sequence

from conduit.core.decisions import ArmEstimate


def explain(
    model: str,
    estimate: ArmEstimate,
    *,
    propensity: float,
    candidates: int,
    relaxed: Sequence[str],
    forced: bool,
    hard: bool | None = None,
) -> str:
    """Say why ``model`` was chosen.

    Args:
        model: id of the chosen arm.
        estimate: what was expected of it.
        propensity: probability with which it was drawn.
        candidates: how many arms could have been chosen.
        relaxed: constraints that gave way.
        forced: the caller narrowed the choice.
        hard: how the prompt was judged, where that alone decided.
    """
    if hard is not None and candidates > 1:
        return _judged(model, estimate, hard=hard, relaxed=relaxed)
    belief = (
        f"expected quality {estimate.mean:.2f} ± {estimate.std:.2f} "
        f"from {estimate.observations} ratings"
        if estimate.observations
        else "nothing is known of its quality here yet"
    )
    why = _why(propensity, candidates, forced=forced)
    return f"{model} was {why}{_gave_way(relaxed)}: {belief}, at about ${estimate.cost:.2g} a call."


def _judged(model: str, estimate: ArmEstimate, *, hard: bool, relaxed: Sequence[str]) -> str:
    kind = "Complex prompt" if hard else "Simple prompt"
    which = "highest class" if hard else "lowest cost"
    return (
        f"{kind}: {model} is the model of the {which}{_gave_way(relaxed)}, at about "
        f"${estimate.cost:.2g} a call; nothing was rated here yet."
    )


def _gave_way(relaxed: Sequence[str]) -> str:
    return f" after giving up {', '.join(relaxed)}" if relaxed else ""


def _why(propensity: float, candidates: int, *, forced: bool) -> str:
    if candidates == 1:
        return "asked for by the caller" if forced else "the only model that could be chosen"
    return f"drawn with probability {propensity:.0%} from {candidates} models"
