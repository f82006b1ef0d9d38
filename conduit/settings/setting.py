"""One setting: what it is called, what it may hold, and where its value came from."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conduit.settings.kinds import Kind
from conduit.settings.masking import MASK


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The declaration of one setting.

    Args:
        name: of the attribute of :class:`~conduit.settings.Settings`.
        aliases: other variables it is read from, in order, after :attr:`variable`.
        kind: what it may hold.
        default: its value when no variable is set.
        secret: its value is never shown.
        description: one sentence for ``conduit config`` and docs/CONFIGURATION.md.
    """

    name: str
    aliases: tuple[str, ...]
    kind: Kind
    default: object
    secret: bool
    description: str

    @property
    def variable(self) -> str:
        """The environment variable that is read first."""
        return f"CONDUIT_{self.name.upper()}"

    @property
    def variables(self) -> tuple[str, ...]:
        """Every variable it is read from, first come first served."""
        return (self.variable, *self.aliases)

    @property
    def may_be_placeholder(self) -> bool:
        """Whether templates ship it filled with a stand-in: keys and addresses."""
        return self.secret or self.kind.mask is not None

    def show(self, value: object) -> str | None:
        """A value as people may see it; None when unset."""
        if value is None:
            return None
        if self.kind.mask is not None:
            return self.kind.mask(str(value))
        return MASK if self.secret else _written(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of ``conduit config``.

    Args:
        name: of the setting.
        variable: its first environment variable.
        value: as people may see it, secrets masked; None when unset.
        origin: ``environment``, ``.env``, ``default``, or ``alias NAME`` for a variable with
            another name (``alias NAME in .env`` when it stood in the file).
        description: one sentence.
    """

    name: str
    variable: str
    value: str | None
    origin: str
    description: str


def declare(
    description: str,
    kind: Kind,
    *,
    aliases: tuple[str, ...] = (),
    default: object = None,
    secret: bool = False,
) -> Any:
    """A dataclass field that carries its own :class:`Setting`."""
    setting = Setting(
        name="",
        aliases=aliases,
        kind=kind,
        default=default,
        secret=secret,
        description=description,
    )
    return dataclasses.field(default=default, metadata={"setting": setting})


def declared(holder: type) -> tuple[Setting, ...]:
    """The settings that a dataclass declares, in order."""
    return tuple(
        dataclasses.replace(field.metadata["setting"], name=field.name)
        for field in dataclasses.fields(holder)
        if "setting" in field.metadata
    )


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, Mapping):
        return json.dumps(dict(value))
    return f"{value:g}" if isinstance(value, float) else str(value)
