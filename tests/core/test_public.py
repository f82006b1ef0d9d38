"""The package's front door: its names, and what importing it costs."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

import conduit
from conduit.core import models

HEAVY = {"numpy", "scipy", "torch", "pydantic_ai", "fastapi", "sklearn", "sqlalchemy", "typer"}


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running code."""
    script = f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_importing_conduit_loads_nothing_heavy() -> None:
    """``import conduit`` loads none of the libraries that take long to load."""
    loaded = modules_after("import conduit")
    assert "conduit" in loaded
    assert not loaded & HEAVY


def test_asking_with_a_query_loads_nothing_heavy() -> None:
    """Making a query needs no array and no model library either."""
    assert not modules_after("from conduit import Query; Query('What is 2+2?')") & HEAVY


def test_all_is_complete_and_sorted() -> None:
    """Every name that resolves is listed, every listed name resolves, and the list is in order."""
    assert list(conduit.__all__) == sorted(conduit.__all__)
    assert len(set(conduit.__all__)) == len(conduit.__all__)
    assert {*conduit._HOME, "__version__"} == set(conduit.__all__)
    for name in conduit.__all__:
        assert getattr(conduit, name) is not None
    assert dir(conduit) == sorted(conduit.__all__)


@pytest.mark.parametrize("name", sorted(conduit._HOME))
def test_a_public_name_is_the_thing_of_that_name(name: str) -> None:
    """What the front door hands out is defined under the same name in the module it comes from."""
    value = getattr(conduit, name)
    assert value.__name__ == name
    assert value.__module__ == conduit._HOME[name]


def test_the_short_and_the_long_way_meet() -> None:
    """``from conduit import Query`` and the README's import give the same class."""
    assert conduit.Query is models.Query


def test_names_are_resolved_once() -> None:
    """After the first use a name is an ordinary attribute."""
    conduit.__dict__.pop("Tier", None)
    first = conduit.Tier
    assert conduit.__dict__["Tier"] is first


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As with any module, so that hasattr and import errors work."""
    with pytest.raises(AttributeError, match="'conduit' has no attribute 'Ruoter'"):
        _ = conduit.Ruoter
    assert not hasattr(conduit, "numpy")


def test_the_version_is_one() -> None:
    """A version of three numbers, as the build reads it."""
    assert re.fullmatch(r"\d+\.\d+\.\d+\w*", conduit.__version__)
