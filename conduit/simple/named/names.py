"""The providers that there are, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from conduit.core.errors import InvalidInputError
from conduit.providers.cli_commands import TOOLS
from conduit.providers.endpoints import BASE_URLS, KEY_VARIABLES

AUTO = "auto"
"""In the place of a provider: the router decides for every prompt."""
_PARALLELISM: Mapping[str, int] = MappingProxyType({"lmstudio": 1, **dict.fromkeys(TOOLS, 4)})
_USUAL = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One provider.

    Args:
        name: as it is asked for.
        kind: ``API`` or ``CLI``.
        needs: what a user has to bring, for people.
        default_parallelism: calls at once that it may be sent where nobody says how many.
    """

    name: str
    kind: str
    needs: str
    default_parallelism: int


def _known(name: str) -> Known:
    if name in TOOLS:
        kind, needs = "CLI", f"the command {TOOLS[name].program}"
    else:
        kind, needs = "API", " or ".join(KEY_VARIABLES.get(name, ("its server",)))
    parallelism = _PARALLELISM.get(name, _USUAL)
    return Known(name=name, kind=kind, needs=needs, default_parallelism=parallelism)


KNOWN: Mapping[str, Known] = MappingProxyType(
    {name: _known(name) for name in sorted((*BASE_URLS, *TOOLS))}
)
"""Every provider that can be asked for by name."""


def known(name: str) -> Known:
    """The provider of that name.

    Raises:
        InvalidInputError: for another name, listing those there are.
    """
    found = KNOWN.get(str(name).lower())
    if found is not None:
        return found
    raise InvalidInputError(
        f"unknown provider {name!r}", remedy=f"choose one of: {', '.join(KNOWN)}"
    )
