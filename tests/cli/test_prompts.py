"""Where the prompt comes from."""

from __future__ import annotations

import os
import sys

import pytest

from conduit.cli.main import main
from conduit.core.models import MAX_TEXT_BYTES

from .conftest import Run, Served


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (["What is 2+2?"], b""),
        (["What is 2+2?"], b"something else\n"),
        (["-q", "What is 2+2?"], b""),
        (["--query", "What is 2+2?"], b""),
        ([], b"What is 2+2?\n"),
        ([], b"What is 2+2?\r\n"),
        ([], b"\xef\xbb\xbfWhat is 2+2?"),
        (["What is\x07 2+2?"], b""),
    ],
)
def test_every_way_asks_the_same(
    conduit: Run, openai: Served, arguments: list[str], stdin: bytes
) -> None:
    """Argument, option and standard input give one prompt; line ends and controls are no part."""
    assert conduit("run", *arguments, stdin=stdin).code == 0
    assert openai.bodies[-1]["messages"][-1]["content"] == "What is 2+2?"


def test_echo_into_run(process: Run, openai: Served) -> None:
    """``echo prompt | conduit run`` prints the answer on standard output and the rest elsewhere."""
    ran = process("run", stdin="What is 2+2?\n")
    assert (ran.code, ran.out) == (0, "4\n")
    assert "vs gpt-4o" in ran.err
    assert openai.bodies[-1]["messages"][-1]["content"] == "What is 2+2?"


@pytest.mark.parametrize("command", ["route", "run"])
@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        ([], b"", "standard input is empty"),
        ([], b" \n\t\n", "standard input is empty"),
        ([], b"gr\xfcn", "standard input is no UTF-8 text (byte 2)"),
        ([], b"a" * (2 * MAX_TEXT_BYTES + 1), "standard input has more than 200,000 bytes"),
        ([], b"a" * (MAX_TEXT_BYTES + 1), "text has 100,001 bytes"),
        (["a" * (MAX_TEXT_BYTES + 1)], b"", "text has 100,001 bytes"),
        ([""], b"hello", "text='' is empty"),
        (["  \n"], b"", "text='  \\n' is empty"),
        (["\x01\x02"], b"", "text='\\x01\\x02' is empty"),
        (["one", "-q", "two"], b"", "the prompt is given twice"),
    ],
)
def test_prompts_that_cannot_be_used(
    conduit: Run, command: str, arguments: list[str], stdin: bytes, said: str
) -> None:
    """An empty, oversized or ambiguous prompt ends with 2 and one line that says which."""
    ran = conduit(command, *arguments, stdin=stdin)
    assert ran.code == 2
    assert said in ran.error
    assert "; " in ran.error  # a remedy follows


@pytest.mark.parametrize("command", ["route", "run"])
def test_a_terminal_without_a_prompt_shows_the_help(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is left waiting at a terminal: the help goes to standard error, with exit code 2."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        assert main([command]) == 2
    os.close(ours)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"Usage: conduit {command} ")
