"""The plain function, wherever it is called; and processes that are killed, or work side by side."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import conduit
from conduit.batch.mode import run_batch_mode

from .answering import Scripted, names, write

ROOT = Path(__file__).parents[2]


def run(provider: Scripted, folder: Path, **options: object) -> int:
    """From ``prompts`` to ``outputs``."""
    return run_batch_mode(
        provider,
        input_dir=folder / "prompts",
        output_dir=folder / "outputs",
        **options,  # type: ignore[arg-type]
    )


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """2 for what cannot be used, 1 for no prompts or a failure, 0 for done and done before."""
    assert run(Scripted(), tmp_path) == 2
    assert capsys.readouterr().err.startswith("error: the folder of prompts ")
    (tmp_path / "prompts").mkdir()
    assert run(Scripted(), tmp_path) == 1
    assert "error: no prompts" in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()
    write(tmp_path / "prompts", a__md="a", b__json="b")
    assert run(Scripted(lambda it: "4" if it == "b" else it), tmp_path) == 0
    assert run(Scripted(), tmp_path) == 0
    assert run(Scripted(), tmp_path, force=True) == 1
    assert run(Scripted(), tmp_path, parallelism=0) == 2
    assert run_batch_mode(Scripted(), input_dir="x" * 300, output_dir=tmp_path) == 2
    assert "cannot be read: File name too long" in capsys.readouterr().err


def test_it_says_what_failed_and_one_line_about_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error; verbose adds a line per prompt."""
    write(tmp_path / "prompts", a__md="a", b__json="b")
    run(Scripted(), tmp_path, verbose=True)
    said = capsys.readouterr()
    assert said.out == ""
    lines = [line.rstrip() for line in said.err.splitlines()]
    assert any(
        line.startswith("done    a.md.prompt.md -> a.md | small | $0.250000") for line in lines
    )
    (failed,) = [line for line in lines if line.startswith("b.json.prompt.md ")]
    assert "the answer is no JSON" in failed
    assert lines[-1].startswith("1 done, 0 skipped, 1 failed | spent $0.500000, saved $1.500000 | ")


def test_of_many_failures_the_first_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty, and how many there are besides."""
    write(tmp_path / "prompts", **{f"p{number:02}": "" for number in range(25)})
    assert run(Scripted(), tmp_path) == 1
    said = capsys.readouterr().err
    assert "p19.prompt.md" in said
    assert "p20.prompt.md" not in said
    assert "… and 5 more" in said


async def test_it_works_where_a_loop_runs(tmp_path: Path) -> None:
    """As in a cell of a notebook."""
    write(tmp_path / "prompts", a__md="a")
    assert run(Scripted(), tmp_path) == 0
    assert names(tmp_path / "outputs") == ["a.md"]


def test_ctrl_c_where_a_loop_runs_cancels_the_batch(tmp_path: Path) -> None:
    """As a notebook's loop runs, which leaves Ctrl-C to the cell: the call under way is cancelled."""
    write(tmp_path / "prompts", a__md="a")

    class Interrupting(Scripted):
        async def aanswer(self, prompt: str, /):  # type: ignore[no-untyped-def]
            os.kill(os.getpid(), signal.SIGINT)
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled += 1

    provider = Interrupting()

    async def cell() -> None:
        with pytest.raises(KeyboardInterrupt):
            run(provider, tmp_path)

    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(cell())
    assert provider.cancelled == 1
    assert names(tmp_path / "outputs") == []


def test_it_is_public() -> None:
    """conduit.run_batch_mode is this function."""
    assert conduit.run_batch_mode is run_batch_mode


PROGRAM = """
import asyncio, sys
from pathlib import Path
from conduit import run_batch_mode
from tests.batch.answering import Scripted

class Loud(Scripted):
    async def aanswer(self, prompt, /):
        if "hang" in sys.argv and prompt == "5":
            print("hangs", flush=True)
            await asyncio.Event().wait()
        print("asked", prompt, flush=True)
        await asyncio.sleep(.01)
        return await super().aanswer(prompt)

sys.exit(run_batch_mode(Loud(lambda prompt: f"[{prompt}]"), parallelism=2,
                        input_dir=Path("prompts"), output_dir=Path("outputs")))
"""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own with a batch in this folder."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_killed_it_leaves_whole_files_and_goes_on_from_them(tmp_path: Path) -> None:
    """After kill -9 in the middle each output is whole or not there, and only the rest is asked."""
    write(tmp_path / "prompts", **{f"p{number}__json": str(number) for number in range(9)})
    killed = start(tmp_path, "hang")
    assert killed.stdout is not None
    said = [killed.stdout.readline() for _ in range(9)]
    killed.kill()
    killed.communicate(timeout=30)
    assert "hangs\n" in said
    there = {name for name in names(tmp_path / "outputs") if not name.startswith(".")}
    assert len(there) >= 6
    assert all((tmp_path / "outputs" / it).read_text() == f"[\n  {it[1]}\n]\n" for it in there)
    out, err = start(tmp_path).communicate(timeout=60)
    asked = {line.split()[1] for line in out.splitlines()}
    known = {line.split()[1] for line in said if line != "hangs\n"}
    assert "5" in asked
    assert len(asked & known) <= 2  # answered, but not on record yet when it was killed
    assert len(asked | {it[1] for it in there}) == 9, err
    assert names(tmp_path / "outputs")[1:] == [f"p{number}.json" for number in range(9)]


def test_two_processes_on_one_folder_pay_once(tmp_path: Path) -> None:
    """Every prompt is asked by one of them, and both end well."""
    write(tmp_path / "prompts", **{f"p{number:02}__md": str(number) for number in range(30)})
    both = [start(tmp_path) for _ in range(2)]
    outs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outs
    asked = sorted(line for out, _ in outs for line in out.splitlines())
    assert asked == sorted(f"asked {number}" for number in range(30))
    assert len(names(tmp_path / "outputs")) == 30
