"""Which models can be called: those whose provider has a key, or asks for none."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from conduit.catalog.pricing import has_private_price
from conduit.core.arms import Arm
from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.providers.cli_commands import TOOLS
from conduit.providers.cli_tools import found_program, program_of
from conduit.providers.endpoints import KEY_VARIABLES, endpoint_of
from conduit.settings import Settings

_log = logging.getLogger("conduit.engines")


def has_key(arm: Arm, settings: Settings) -> bool:
    """Whether an arm's provider has a key or asks for none, as do servers at another address."""
    free = arm.provider not in KEY_VARIABLES or has_private_price(arm)
    return free or arm.provider in settings.api_keys


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
        ConfigurationError: when no key is set for any of them, or all are tools that are not there.
    """
    able = tuple(arm for arm in arms if has_key(arm, settings))
    if able:
        if all(_lacks_program(arm) for arm in able):
            program_of(able[0].provider)
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


def check_callable(arm: Arm, *, beside: Iterable[Arm], settings: Settings) -> None:
    """Make sure that an arm can be called from here, where any of the others can.

    Where none can, decisions are all that is asked for, and those can be made for anybody.

    Raises:
        InvalidInputError: when its key or its address is not known.
    """
    missing = _missing(arm, settings)
    if missing is not None and any(_missing(other, settings) is None for other in beside):
        raise InvalidInputError(missing.problem, remedy=missing.remedy)


def _lacks_program(arm: Arm) -> bool:
    return arm.provider in TOOLS and found_program(arm.provider) is None


def _missing(arm: Arm, settings: Settings) -> ConfigurationError | None:
    try:
        if arm.provider in TOOLS:
            program_of(arm.provider)
            return None
        endpoint_of(arm, api_keys=settings.api_keys, base_urls=settings.base_urls)
    except ConfigurationError as missing:
        return missing
    return None
