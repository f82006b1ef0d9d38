"""What a caller may ask of the router beside the answer: limits, a trade-off, and on whose account."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from conduit.api.handlers import explain
from conduit.api.keys import Headers
from conduit.api.refusals import refuse
from conduit.core.budgets import Scope, ScopeKind
from conduit.core.models import OptimizeFor, Preferences, QueryConstraints

Name: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""An id of the caller's: printable, and not endless."""
PREFIX = b"x-conduit-"
"""Of the headers that say the same."""


class Directives(BaseModel):
    """What a caller may ask of the router."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    max_cost: float | None = Field(
        default=None, ge=0, description="USD for this call; never relaxed."
    )
    max_latency: float | None = Field(
        default=None, ge=0, description="Expected seconds; may be relaxed."
    )
    min_quality: float | None = Field(
        default=None, ge=0, le=1, description="Expected quality; likewise."
    )
    preferred_provider: Name | None = Field(
        default=None, description="Liked better; removes no model."
    )
    optimize_for: OptimizeFor | None = Field(
        default=None, description="What matters most this time."
    )
    models: list[Name] | None = Field(
        default=None, min_length=1, max_length=100, description="The only models allowed this time."
    )
    strict: bool = Field(default=False, description="Refuse rather than relax a limit.")
    cache: bool | None = Field(
        default=None, description="Whether an equal request's answer will do."
    )
    user: Name | None = Field(default=None, description="Whose query it is.")
    team: Name | None = Field(default=None, description="On whose account besides.")
    session: Name | None = Field(default=None, description="Likewise.")
    task_type: Name | None = Field(default=None, description="Likewise.")

    @property
    def constraints(self) -> QueryConstraints:
        """The limits."""
        return QueryConstraints(
            max_cost=self.max_cost,
            max_latency=self.max_latency,
            min_quality=self.min_quality,
            preferred_provider=self.preferred_provider,
        )

    def preferences(self, suffix: str | None = None) -> Preferences | None:
        """The trade-off, where one was asked for; a model's name with one says it the loudest."""
        wished = suffix or self.optimize_for
        return Preferences(optimize_for=OptimizeFor.named(wished)) if wished else None

    def scopes(self, key: str | None) -> tuple[Scope, ...]:
        """On whose account, besides the user's.

        Args:
            key: name of the caller's key.
        """
        named = (
            (ScopeKind.TEAM, self.team),
            (ScopeKind.API_KEY, key),
            (ScopeKind.SESSION, self.session),
            (ScopeKind.TASK_TYPE, self.task_type),
        )
        return tuple(Scope(kind, name) for kind, name in named if name)


_FIELDS = frozenset(Directives.model_fields)
_NONE = Directives()


def directives_of(body: object, headers: Headers) -> Directives:
    """What the body's object ``conduit`` says, else the headers ``x-conduit-…``.

    Raises:
        RefusedError: for a field that is unknown or cannot be used.
    """
    said: dict[str, Any] = {}
    for name, value in headers:
        if name.startswith(PREFIX):
            field = name[len(PREFIX) :].decode("latin-1").replace("-", "_")
            if field in _FIELDS:
                said[field] = _text(value, several=field == "models")
    if isinstance(body, dict):
        said |= body
    elif body is not None:
        raise refuse("conduit: give an object", code="invalid_type", param="conduit")
    if not said:
        return _NONE
    try:
        return Directives.model_validate(said)
    except ValidationError as error:
        message, param = explain(error.errors(include_input=False, include_url=False))
        raise refuse(f"conduit.{message}", code="invalid_value", param=param) from None


def _text(value: bytes, *, several: bool) -> object:
    """A header as its sender wrote it: in UTF-8, as its JSON would be, else in HTTP's old Latin-1."""
    try:
        text = value.decode().strip()
    except UnicodeDecodeError:
        text = value.decode("latin-1").strip()
    return [part.strip() for part in text.split(",")] if several else text
