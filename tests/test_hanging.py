"""A test that never ends does not hold up the others for ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOOKS = """
from tests import hanging
hanging.LONGEST = 1.0
from tests.hanging import *
"""
FAILS = """
import pytest, time
@pytest.fixture
def slow():
    yield
    time.sleep(600)
def test_it(slow):
    assert False
"""
IS_BUSY = """
def test_it():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""


@pytest.mark.parametrize("program", [FAILS, IS_BUSY], ids=["after a failure", "busy"])
def test_what_never_ends_is_ended(tmp_path: Path, program: str) -> None:
    """Where the timeout of the test itself does not reach: the process ends, and says where it was."""
    (tmp_path / "conftest.py").write_text(HOOKS)
    (tmp_path / "test_it.py").write_text(program)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-s", "--timeout", "0.5", "--rootdir", tmp_path, "."],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode not in (0, 5)
    assert "Timeout (0:00:01)!" in ran.stderr
    assert "test_it.py" in ran.stderr
