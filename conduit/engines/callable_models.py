"""Which models can be called: those whose provider has a key, or asks for none."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from conduit.core.arms import Arm
from conduit.core.errors import ConfigurationError
from conduit.providers.endpoints import KEY_VARIABLES
from conduit.settings import Settings

_log = logging.getLogger("conduit.engines")


def has_key(arm: Arm, settings: Settings) -> bool:
    """Whether an arm's provider has a key, or asks for none."""
    return arm.provider not in KEY_VARIABLES or arm.provider in settings.api_keys


def key_variables(arms: Iterable[Arm]) -> str:
    """The variables that hold the keys of some arms, as a list for people."""
    providers = dict.fromkeys(arm.provider for arm in arms)
    names = [" or ".join(KEY_VARIABLES[name]) for name in providers if name in KEY_VARIABLES]
    return ", ".join(names)


def callable_arms(arms: Sequence[Arm], settings: Settings, *, without: str = "") -> tuple[Arm, ...]:
    """Those of some arms that can be called.

    Args:
        arms: at least one.
        settings: with the keys.
        without: how a caller may go on without a key; empty where that is not possible.

    Raises:
        ConfigurationError: when no key is set for any of them.
    """
    able = tuple(arm for arm in arms if has_key(arm, settings))
    if able:
        return able
    providers = {arm.provider for arm in arms}
    if len(providers) > 1 and settings.api_keys:
        raise _unnamed(settings)
    whose = f" for provider {arms[0].provider!r}" if len(providers) == 1 else ""
    count = " one of" if len(providers) > 1 else ""
    raise ConfigurationError(
        f"no API key is set{whose}",
        remedy=f"set{count} {key_variables(arms)} in the environment or in .env"
        + (f", or try it without: {without}" if without else ""),
    )


def _unnamed(settings: Settings) -> ConfigurationError:
    """There is a key, and none of the models is of its provider."""
    owners = list(settings.api_keys)
    one = f"{owners[0]}/MODEL"
    return ConfigurationError(
        f"a key is set for {', '.join(owners)} alone, and none of the models is served there",
        remedy=f"name one: --model {one} for this call, or CONDUIT_MODELS={one} for all",
    )


def without_keyless(arms: Iterable[Arm], settings: Settings) -> tuple[Arm, ...]:
    """Those of some arms that can be called; a warning names the others."""
    arms = tuple(arms)
    able = tuple(arm for arm in arms if has_key(arm, settings))
    missing = [arm for arm in arms if arm not in able]
    if missing:
        _log.warning(
            "left out for want of a key: %s; set %s",
            ", ".join(arm.id for arm in missing),
            key_variables(missing),
        )
    return able


def check_keys(arms: Iterable[Arm], settings: Settings) -> None:
    """Make sure that every one of some arms can be called.

    Raises:
        ConfigurationError: for the first whose provider has no key; it offers to do without.
    """
    for arm in arms:
        try:
            callable_arms((arm,), settings, without="offline=True, or CONDUIT_OFFLINE=1")
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{error.problem}, which {arm.id!r} needs", remedy=error.remedy
            ) from None
