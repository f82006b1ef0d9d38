"""Roles that models are given by name."""

from __future__ import annotations

import pytest

from conduit.core.errors import ConfigurationError, UnknownModelError
from conduit.engines.roles import Roles
from conduit.engines.router import Router
from conduit.settings import Settings

from .builders import CHEAP, DEAR

ARMS = (DEAR, CHEAP)


def test_prices_fill_the_roles_that_nobody_gave() -> None:
    """Low is the cheapest, high the dearest, and auto is free to choose among all."""
    roles = Roles.of(None)
    assert roles.candidates(ARMS, quality="low") == ("cheap",)
    assert roles.candidates(ARMS, quality="high") == ("dear",)
    assert roles.candidates(ARMS, quality="auto") is None


def test_one_named_role_does_not_bind_auto() -> None:
    """Auto is bound to the two roles only where both were given."""
    assert Roles.of({"cheap": "dear"}).candidates(ARMS, quality="low") == ("dear",)
    assert Roles.of({"cheap": "dear"}).candidates(ARMS, quality="auto") is None
    both = Roles.of({"cheap": "dear", "quality": "cheap"})
    assert both.candidates(ARMS, quality="auto") == ("dear", "cheap")


@pytest.mark.parametrize("given", [{"cheap": 1}, {"cheap": ""}, {"best": "dear"}])
def test_what_is_no_role_is_refused(given: dict[str, object]) -> None:
    """A role that does not exist, or has no id, is named with the remedy."""
    with pytest.raises(ConfigurationError, match=r"CONDUIT_MODELS_JSON.*cheap, quality, baseline"):
        Roles.of(given)


def test_the_baseline_of_the_roles_is_the_routers() -> None:
    """Savings are measured against it, unless the setting of its own names another."""
    roles = {"baseline": "gpt-4o-mini"}
    assert Router(settings=Settings(models_json=roles)).baseline.id == "gpt-4o-mini"
    both = Settings(models_json=roles, baseline="gpt-4o")
    assert Router(settings=both).baseline.id == "gpt-4o"


def test_a_baseline_that_nothing_answers_to_is_refused() -> None:
    """A misspelt baseline is found when the router is made."""
    with pytest.raises(UnknownModelError, match="gpt-nine"):
        Router(settings=Settings(models_json={"baseline": "gpt-nine"}))
