"""Roles that models may be given by name: the cheap one, the good one, and the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from conduit.catalog.baseline import cheapest, dearest
from conduit.core.arms import Arm
from conduit.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Ids of models by role; None where nobody gave it.

    Args:
        cheap: for what is easy.
        quality: for what is not.
        baseline: what savings are measured against.
    """

    cheap: str | None = None
    quality: str | None = None
    baseline: str | None = None

    @classmethod
    def of(
        cls, given: Mapping[str, object] | None, *, source: str = "CONDUIT_MODELS_JSON"
    ) -> Roles:
        """The roles that the setting ``models_json`` gives, or a program.

        Args:
            given: ids by role.
            source: who says so, for errors.

        Raises:
            ConfigurationError: for another role, or what is no id.
        """
        known = [role.name for role in fields(cls)]
        for role, model in (given or {}).items():
            if role not in known or not isinstance(model, str) or not model:
                raise ConfigurationError(
                    f"{source} gives the role {role!r} to {model!r}",
                    remedy=f"give the id of a model to each of: {', '.join(known)}",
                )
        return cls(**{role: str(model) for role, model in (given or {}).items()})

    def candidates(self, arms: Sequence[Arm], *, quality: str) -> tuple[str, ...] | None:
        """Ids of the models that may answer; None for all of them.

        Args:
            arms: the models there are, at least one.
            quality: ``low`` the cheap one, ``high`` the good one; with ``auto`` the two of them
                where both were given. Ungiven, they are the cheapest and the dearest by list price.

        Raises:
            ConfigurationError: for a role given to a model that is not there.
        """
        if quality == "low":
            return (self._present(self.cheap, arms) or cheapest(arms).id,)
        if quality == "high":
            return (self._present(self.quality, arms) or dearest(arms).id,)
        cheap, good = self._present(self.cheap, arms), self._present(self.quality, arms)
        return (cheap, good) if cheap and good else None

    @staticmethod
    def _present(model: str | None, arms: Sequence[Arm]) -> str | None:
        names = [arm.id for arm in arms]
        if model is None or model in names:
            return model
        raise ConfigurationError(
            f"CONDUIT_MODELS_JSON names {model!r}, which is not among the models",
            remedy=f"name one of: {', '.join(names)}",
        )
