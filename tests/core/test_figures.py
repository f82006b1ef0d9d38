"""Figures: what a float can hold, and how errors show what it cannot."""

from __future__ import annotations

import doctest

import pytest

import conduit.core.figures
from conduit.catalog.fields import price, read_fields
from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.core.models import QueryConstraints


def test_examples_in_the_code_are_true() -> None:
    """The doctests run as printed."""
    results = doctest.testmod(conduit.core.figures)
    assert (results.failed, results.attempted > 0) == (0, True)


@pytest.mark.parametrize("huge", [10**400, -(10**400), 10**5000], ids=["huge", "minus", "more"])
def test_prices_and_limits_beyond_floats_are_refused(huge: int) -> None:
    """As any other value that cannot be, and shown in short."""
    with pytest.raises(ConfigurationError, match=r"input is .{1,41}; it must be a finite number"):
        read_fields({"input": huge}, {"input": price}, where="prices")
    with pytest.raises(InvalidInputError, match=r"max_cost=.{1,41} is no limit"):
        QueryConstraints(max_cost=huge)
