"""The baseline: the one named model that savings are measured against."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conduit.core.arms import Arm


def resolve_baseline(
    arms: Sequence[Arm],
    *,
    explicit: str | None = None,
    registered: str | None = None,
    find: Callable[[str], Arm],
) -> Arm:
    """The caller's own choice, else the registry's, else the dearest of the arms.

    Args:
        arms: the models that can be chosen, priced; at least one.
        explicit: what the caller or the settings named.
        registered: what the registry names.
        find: the priced model of a name, an arm or not.

    Raises:
        UnknownModelError: for a name that nothing answers to.
        UnknownPriceError: for a named model that nobody priced.
    """
    name = explicit or registered
    return dearest(arms) if name is None else find(name)


def dearest(arms: Sequence[Arm]) -> Arm:
    """The arm with the highest list price, input and output tokens in equal parts.

    The first of equals wins; an arm without a price counts as free.
    """
    return max(arms, key=_per_token)


def cheapest(arms: Sequence[Arm]) -> Arm:
    """The arm with the lowest one, likewise."""
    return min(arms, key=_per_token)


def _per_token(arm: Arm) -> float:
    return 0.0 if arm.price is None else arm.price.input + arm.price.output
