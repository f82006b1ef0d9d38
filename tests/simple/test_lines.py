"""What importing the functions of one line loads, and what their first call says."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

from .conftest import Place

ROOT = Path(__file__).parents[2]
CALL = "from conduit import llm; llm('What is 2+2?')"


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running code."""
    script = f"{code}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ(), capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_import_loads_nothing_but_the_standard_library(place: Place) -> None:
    """No numpy, scipy, sqlalchemy, pydantic or client of HTTP: not one package; and no event loop."""
    more = loaded_by("from conduit import llm, session, set_models") - loaded_by("pass")
    assert "conduit" in more
    assert more - {"conduit"} <= sys.stdlib_module_names
    assert "asyncio" not in more
    assert not place.data.exists()


def test_the_first_call_says_on_a_terminal_what_it_is_doing(offline: Place) -> None:
    """One line on stderr, and none for the second call."""
    reading, terminal = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"{CALL}; llm('What is 2+2?')"],
            env=environ(),
            stdout=subprocess.PIPE,
            stderr=terminal,
            text=True,
            check=True,
        )
        os.write(terminal, b"END")
        said = b""
        while not said.endswith(b"END"):
            said += os.read(reading, 1000)
    finally:
        os.close(terminal)
        os.close(reading)
    assert said.removesuffix(b"END").decode().splitlines() == ["Conduit is warming up …"]
    assert done.stdout == ""


def test_elsewhere_the_first_call_says_so_in_the_log_alone(offline: Place) -> None:
    """A program whose stderr is read by another sees nothing unless it asks for the log."""
    logged = "import logging; logging.basicConfig(level='INFO'); "
    quiet, told = (
        subprocess.run(
            [sys.executable, "-c", code], env=environ(), capture_output=True, text=True, check=True
        )
        for code in (CALL, logged + CALL)
    )
    assert (quiet.stdout, quiet.stderr) == ("", "")
    assert told.stderr.count("loading the engine") == 1
