"""Where scripted models leave what they did."""

from __future__ import annotations

import pytest

from ..contract.conduit.test_snippets import python
from .conftest import Place

FACES = """
from conduit import CostController, Provider, get_provider, llm

assert llm("What is 2+2?", offline=True, user_id="anna").cost > 0
assert Provider("openai", offline=True).chat("What is 2+2?").cost > 0
assert get_provider("openai", offline=True).run("What is 2+2?")
assert CostController(offline=True).export_records()
"""


@pytest.mark.parametrize(
    ("variable", "value"),
    [("DATABASE_URL", "sqlite:///real.db"), ("CONDUCTOR_DB_PATH", "real.db")],
)
def test_what_scripted_models_do_is_kept_from_the_database_of_real_ones(
    place: Place, variable: str, value: str
) -> None:
    """A database that is set for all programs hears of no invented cost, whichever face is told."""
    ran = python(FACES, place.folder, CONDUIT_ENCODER="hashing", **{variable: value})
    assert ran.returncode == 0, ran.stderr
    assert not (place.folder / "real.db").exists()
    assert place.rows("select count(*) from costs") == [(3,)]
