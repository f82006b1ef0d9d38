"""Where values come from: the environment, then a file in the same form."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conduit.core.errors import ConfigurationError
from conduit.settings.masking import has_bracketed_password, is_placeholder, passwords_in
from conduit.settings.setting import Setting

_BRACKET = re.compile(r"[\[\]]")
"""Outside of the host of an address none may stand, and libraries quote what they cannot read."""
_log = logging.getLogger("conduit.settings")

Variables = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Found:
    """A value as it was written, the variable that held it, and its origin."""

    text: str
    variable: str
    origin: str


def read_env_file(path: Path | None, *, required: bool) -> Variables:
    """Variables of a ``.env`` file, without ``${…}`` expansion.

    Args:
        path: the file; None reads nothing.
        required: whether its absence is an error.

    Raises:
        ConfigurationError: for a required file that is missing, or one that is not UTF-8.
    """
    if path is None or not path.is_file():
        if required:
            raise ConfigurationError(
                f"CONDUIT_ENV_FILE={str(path)!r} is no file", remedy="correct or unset it"
            )
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - most starts have no file

    try:
        return dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.__class__.__name__})", remedy="save it as UTF-8 text"
        ) from None


def find(setting: Setting, *, environ: Variables, file: Variables) -> Found | None:
    """The first variable that holds something; empty text and placeholders do not count."""
    for place, variables in (("environment", environ), (".env", file)):
        for variable in setting.variables:
            text = (variables.get(variable) or "").strip()
            if text and not _passed_over(setting, variable, text):
                return Found(text, variable, _origin(setting, variable, place))
    return None


def value_of(setting: Setting, found: Found) -> object:
    """The value that was found, as its kind.

    Raises:
        ConfigurationError: naming the variable, the value (masked where secret) and the remedy.
    """
    if setting.kind.mask is not None and has_bracketed_password(found.text):
        raise ConfigurationError(
            f"{found.variable} holds the literal '[password]' of a template",
            remedy="put the real password in its place, or unset the variable",
        )
    if setting.kind.mask is not None and any(
        _BRACKET.search(it) for it in passwords_in(found.text)
    ):
        raise ConfigurationError(
            f"{found.variable} has a square bracket in its password",
            remedy="leave out those of the template; write [ as %5B, and ] as %5D",
        )
    try:
        return setting.kind.parse(found.text)
    except ValueError:
        shown = str(setting.show(found.text))[:60]
        raise ConfigurationError(
            f"{found.variable}={shown!r} cannot be used", remedy=setting.kind.remedy
        ) from None


def _passed_over(setting: Setting, variable: str, text: str) -> bool:
    if not setting.may_be_placeholder or not is_placeholder(text):
        return False
    _log.warning("%s holds a placeholder and counts as unset; give a real value", variable)
    return True


def _origin(setting: Setting, variable: str, place: str) -> str:
    if variable == setting.variable:
        return place
    return f"alias {variable}" if place == "environment" else f"alias {variable} in {place}"
