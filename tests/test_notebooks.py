"""Every notebook runs from its first cell to its last, and is committed without outputs."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def cells(path: Path) -> list[dict[str, Any]]:
    """The code cells of a notebook."""
    document = json.loads(path.read_text())
    return [cell for cell in document["cells"] if cell["cell_type"] == "code"]


async def run(path: Path) -> dict[str, Any]:
    """Execute the cells on one event loop, as a notebook's kernel does."""
    scope: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells(path):
        code = compile("".join(cell["source"]), path.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = FunctionType(code, scope)()
        if inspect.isawaitable(result):
            await result
    return scope


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_and_holds_no_outputs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cell fails, and what a reader sees is what they run themselves."""
    monkeypatch.setenv("CONDUIT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)
    assert all(not cell["outputs"] for cell in cells(path))
    scope = asyncio.run(run(path))
    assert scope["report"].prompts == 200
    assert 0 < scope["report"].quality <= 1
