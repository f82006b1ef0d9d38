"""The entry point: help, version, errors, and what it must not import."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from inspect import getdoc
from pathlib import Path

import pytest
import typer

from conduit import __version__
from conduit.cli.commands import COMMANDS, GROUPS, load_command
from conduit.cli.main import main

from ..providers.loopback import Answer, Received
from .conftest import Run, Served, answered

ALONE = {name: summary for name, summary in COMMANDS.items() if name not in GROUPS}
GROUPED = {
    f"{group} {name}": summary
    for group, commands in GROUPS.items()
    for name, summary in commands.items()
}
EVERY = ALONE | GROUPED
"""Every command that does something, by what is typed."""


def test_the_module_is_the_command(process: Run) -> None:
    """``python -m conduit --version`` says the version and ends well."""
    ran = process("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"conduit {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    """Listing the commands and telling the version load no numerical or database library."""
    script = (
        "import sys; from conduit.cli.main import main; main(sys.argv[1:]); "
        "print({'numpy', 'pydantic_ai', 'sqlalchemy'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stderr == "set()\n"


def test_no_arguments_show_the_help(conduit: Run) -> None:
    """The bare command teaches, on standard output."""
    assert conduit().out == conduit("--help").out
    assert conduit().code == 0


@pytest.mark.parametrize("name", EVERY)
def test_the_table_repeats_each_command_s_own_summary(name: str) -> None:
    """The list of commands says what the command's own help says."""
    identifier = name.replace("-", "_").replace(" ", "_")
    function = getattr(import_module(f"conduit.cli.{identifier}"), identifier)
    assert (getdoc(function) or "").splitlines()[0] == EVERY[name]


@pytest.mark.parametrize("name", EVERY)
def test_every_option_has_help(name: str) -> None:
    """No argument or option of any command is left unexplained, and each command has --json."""
    parameters = load_command(name).params
    assert "--json" in {flag for parameter in parameters for flag in parameter.opts}
    assert [parameter.name for parameter in parameters if not parameter.help] == []


@pytest.mark.parametrize("name", EVERY)
def test_every_help_teaches(conduit: Run, name: str) -> None:
    """Help says what the command is for, shows it in use, names the exit codes, and is never cut."""
    ran = conduit(*name.split(), "--help")
    assert ran.code == 0
    assert EVERY[name] in ran.out
    assert f"conduit {name}" in ran.out or "conduit --version" in ran.out
    assert "Exit codes: 0 success; 1" in ran.out
    assert not [line for line in ran.out.splitlines() if line.endswith("…")]


@pytest.mark.parametrize("name", ["route", "run", "feedback", "warm-start", "models", *GROUPED])
def test_help_says_where_the_data_lives(conduit: Run, name: str) -> None:
    """Every command that reads or writes the database says so, and has --database."""
    said = conduit(*name.split(), "--help").out
    assert "--database" in said
    assert "database" in said.split("Options:")[0].lower()


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_teaches_alone(conduit: Run, group: str) -> None:
    """A group without a command shows its help, which names its commands, and ends well."""
    alone, asked = conduit(group), conduit(group, "--help")
    assert (alone.code, alone.out) == (0, asked.out)
    assert COMMANDS[group] in asked.out
    assert all(f"\n  {name} " in asked.out for name in GROUPS[group])


def test_unknown_command_is_one_line_with_the_nearest_name(conduit: Run) -> None:
    """A misspelt command ends with 2 and the name that was meant."""
    ran = conduit("rout", "hello")
    assert ran.code == 2
    assert "'rout'" in ran.error
    assert "'route'" in ran.error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["route", "--nonsense"], "--nonsense"),
        (["route", "two", "words"], "words"),
        (["run", "hi", "--max-cost", "cheap"], "'cheap' is no number"),
        (["run", "hi", "--max-tokens", "1.5"], "'1.5' is no whole number"),
        (["run", "hi", "--optimize-for", "luck"], "'luck' is not one of 'balanced'"),
        (["feedback"], "DECISION_ID"),
        (["feedback", "x", "--rating", "good"], "'good' is no number"),
    ],
)
def test_usage_errors_are_one_line(conduit: Run, arguments: list[str], said: str) -> None:
    """A call that cannot be read ends with 2, names what was wrong, and points to the help."""
    ran = conduit(*arguments)
    assert ran.code == 2
    assert said in ran.error
    assert f"(see 'conduit {arguments[0]} --help')" in ran.error


def test_a_reader_that_goes_away_is_no_error() -> None:
    """Writing to a closed pipe ends quietly, as if by SIGPIPE."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "conduit", "config"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, "")


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """A shell has what it starts in the background ignore Ctrl-C; here it counts."""
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, inherited)


@pytest.mark.usefixtures("_interruptible")
def test_an_interrupt_ends_quietly(conduit: Run, openai: Served) -> None:
    """Ctrl-C while a model is thinking ends with 130, at once and without a traceback."""

    def interrupt(_: Received) -> Answer:
        os.kill(os.getpid(), signal.SIGINT)
        return answered("late", delay=30)

    openai.answers = interrupt
    ran = conduit("run", "hello", "--model", "gpt-4o")
    assert (ran.code, ran.out, ran.err) == (130, "", "")


def test_output_survives_a_terminal_without_unicode(
    monkeypatch: pytest.MonkeyPatch, openai: Served
) -> None:
    """An answer in another script is printed, its unknown characters replaced."""
    openai.answers = lambda _: answered("grün 緑")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert main(["run", "hello"]) == 0
    assert written.getvalue() == b"gr?n ?\n"


LONG = "x" * 300
"""Longer than a file's name may be."""


@pytest.mark.parametrize(
    "arguments",
    [
        ["route", "hi", "--database", LONG],
        ["models", "--database", LONG],
        ["report", "--database", LONG],
        ["db", "status", "--database", LONG],
        ["batch", "--input-dir", LONG],
        ["evaluate", "--policy", "cheapest", "--database", LONG],
        ["warm-start", f"{LONG}.parquet"],
    ],
)
def test_what_the_system_refuses_is_one_line(
    conduit: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """A path that no system takes is an error like any other, with exit code 2."""
    monkeypatch.setenv("CONDUIT_OFFLINE", "1")
    ran = conduit(*arguments)
    assert ran.code == 2
    assert LONG in ran.error


def test_a_disk_that_is_full_is_one_line() -> None:
    """So is standard output that cannot be written to."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "conduit", "config"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "error: No space left on device\n")


def test_without_standard_output_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some starts have none, as pythonw's; the command does its work."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["config"]) == 0
    assert main(["report", "--database", "nowhere.db"]) == 2


def test_no_answer_to_a_question_is_an_interrupt(
    conduit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C or the end of input where a yes is asked for ends with 130, and nothing has changed."""
    conduit("route", "hi")

    def gone(*_: object, **__: object) -> bool:
        raise typer.Abort

    monkeypatch.setattr("conduit.cli.db_purge.confirmed", gone)
    ran = conduit("db", "purge", "--older-than", "0s")
    assert (ran.code, ran.out, ran.err) == (130, "", "\n")
    assert conduit("db", "purge", "--older-than", "0s", "--dry-run").out.startswith(
        "nothing changed; would forget 1 decisions"
    )
