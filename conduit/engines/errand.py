"""An errand: a query, and how the caller wants it served."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from conduit.core.budgets import Scope, ScopeKind
from conduit.core.models import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What one caller asks for.

    Args:
        query: to be answered.
        models: the only arms allowed this time; one forces it, None allows all.
        strict: raise instead of relaxing a constraint.
        scopes: on whose account, besides the query's user.
        cache: whether an equal request's answer will do; None takes the router's setting.
        continue_cut: whether an answer cut by its length is continued; None likewise.
    """

    query: Query
    models: Collection[str] | None = None
    strict: bool = False
    scopes: tuple[Scope, ...] = ()
    cache: bool | None = None
    continue_cut: bool | None = None

    @property
    def accounts(self) -> tuple[Scope, ...]:
        """On whose account: as said, and the query's user unless another was named."""
        user = self.query.user_id
        if user is None or any(scope.kind is ScopeKind.USER for scope in self.scopes):
            return self.scopes
        return (*self.scopes, Scope(ScopeKind.USER, user))

    @property
    def session(self) -> str | None:
        """The session it is part of; None where none was named."""
        found = (it.name for it in self.scopes if it.kind is ScopeKind.SESSION)
        return next(found, None)
