"""Labelled outcomes of a user's own, as a provider's router takes them: by model, or by tier."""

from __future__ import annotations

from dataclasses import replace

from conduit.catalog.registry import Registry
from conduit.core.errors import InvalidInputError
from conduit.datasets.recorded import RecordedOutcomes
from conduit.simple.providers.family import pinned, tier_names


def by_model_or_tier(outcomes: RecordedOutcomes) -> RecordedOutcomes:
    """The outcomes under tiers and the ids of the providers' models.

    Raises:
        InvalidInputError: for a name that is neither, or a provider of whose models some are
            labelled and others are not, neither themselves nor by their tier.
    """
    known = pinned()
    found = {name: _column(name, known) for name in outcomes.models}
    unknown = [name for name, column in found.items() if column is None]
    if unknown:
        ids = ", ".join(arm.id for arm in known.arms)
        raise InvalidInputError(
            f"unknown models {', '.join(map(repr, unknown))}",
            remedy=f"label by tier ({', '.join(tier_names())}), or any of: {ids}",
        )
    columns = tuple(column for column in found.values() if column is not None)
    _check_complete(columns, known)
    return replace(outcomes, models=columns)


def providers_of(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Whose prompts a router file with these columns judges."""
    arms = pinned().arms
    names = dict.fromkeys(arm.provider for arm in arms if {arm.id, arm.tier.value} & {*columns})
    return tuple(names)


def _column(name: str, known: Registry) -> str | None:
    if name in tier_names():
        return name
    arm = known.find(name)
    return None if arm is None else arm.id


def _check_complete(columns: tuple[str, ...], known: Registry) -> None:
    for provider in providers_of(columns):
        arms = [arm for arm in known.arms if arm.provider == provider]
        missing = [arm for arm in arms if not {arm.id, arm.tier.value} & {*columns}]
        if missing:
            raise InvalidInputError(
                f"no labels for {', '.join(repr(arm.id) for arm in missing)} of {provider}",
                remedy=f"label all of: {', '.join(arm.id for arm in arms)}; or their tiers",
            )
