"""Whose models are called, and with which key."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from conduit.core.errors import InvalidInputError

if TYPE_CHECKING:
    from conduit.settings import Settings

PROVIDERS = ("google", "anthropic", "openai")
"""Whose models there are, in the order of the pinned table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One provider, as one program calls it.

    Args:
        provider: one of :data:`PROVIDERS`.
        api_key: None takes the one of the environment; it is kept out of ``repr``.
        offline: answer with scripted models that have the names and prices of the real ones.

    Raises:
        InvalidInputError: for another provider, listing those there are, or a key that is no text.
    """

    provider: str
    api_key: str | None = field(default=None, repr=False)
    offline: bool = False

    def __post_init__(self) -> None:
        if self.provider not in PROVIDERS:
            raise InvalidInputError(
                f"unknown provider {self.provider!r}",
                remedy=f"choose one of: {', '.join(PROVIDERS)}",
            )
        if not isinstance(self.api_key, str | None):
            raise InvalidInputError(
                f"api_key is a {type(self.api_key).__name__}", remedy="give a text, or leave it out"
            )

    def settings(self, settings: Settings) -> Settings:
        """Settings under which this provider is called; the key is nobody else's."""
        offline = settings.offline or self.offline
        if not self.api_key:
            return replace(settings, offline=offline)
        keys: dict[str, str] = {f"{self.provider}_api_key": self.api_key}
        return replace(settings, offline=offline, **keys)  # type: ignore[arg-type] # the field's
