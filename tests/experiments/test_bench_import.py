"""The benchmark of the import: what is timed, and what is held against it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments import bench_import


def test_every_program_is_started_in_turn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real processes, as many as were asked for, and the verdict as the last line."""
    programs = {bench_import.BARE: "pass", bench_import.IMPORT: "from conduit import llm"}
    monkeypatch.setattr(bench_import, "PROGRAMS", programs)
    file = tmp_path / "figures.json"
    code = bench_import.main(["--rounds", "2", "--json", str(file)])
    figures = json.loads(file.read_text())
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == figures["verdict"]
    assert code == (1 if "short" in last else 0)
    assert [len(taken) for taken in figures["milliseconds"].values()] == [2, 2]


@pytest.mark.parametrize(("taken", "holds"), [([150.0, 190.0], True), ([240.0, 250.0], False)])
def test_the_import_is_compared_with_the_interpreter_beside_it(
    taken: list[float], holds: bool
) -> None:
    """By the median of what it adds in each round; 100 milliseconds may be added."""
    times = {bench_import.BARE: [100.0, 120.0], bench_import.IMPORT: taken}
    (check,) = bench_import.checks_of(times)
    assert check.holds is holds
