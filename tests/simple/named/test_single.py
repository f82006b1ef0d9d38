"""One prompt for a command line."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from conduit import get_provider, run_single_mode
from conduit.simple.house import House

from ...providers.loopback import Answer
from ..conftest import Models


def standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """What is there to be read."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize("stream", [False, True])
def test_the_answer_alone_is_on_standard_output(
    stream: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends its line, whole or piece by piece, and the code is 0."""
    provider = get_provider("openai", "gpt-4", offline=True)
    assert run_single_mode(provider, "2+2?", stream=stream) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("openai/gpt-4 answers offline: 2+2?\n", "")


def test_a_prompt_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is read where none is given; more is said where that is wanted."""
    standard_input(monkeypatch, b"2+2?\n")
    provider = get_provider("openai", "gpt-4", offline=True)
    assert run_single_mode(provider, verbose=True) == 0
    said = capsys.readouterr()
    assert said.out.endswith("offline: 2+2?\n")
    assert "openai/gpt-4 (openai) | $0.0" in said.err
    assert "conduit feedback " in said.err


def test_bad_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is one line on standard error, and 2."""
    standard_input(monkeypatch, b" \n")
    assert run_single_mode(get_provider("openai", "gpt-4", offline=True)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: standard input is empty")
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_fails(
    models: Models, home: House, stream: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is one line on standard error, and 1."""
    models.answer(Answer(status=401, body={"error": {"message": "Wrong key."}}))
    assert run_single_mode(get_provider("openai", "gpt-4o"), "2+2?", stream=stream) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "Wrong key." in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_output_that_is_not_utf8_takes_any_answer(
    stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has no character for is replaced: the answer is paid."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    provider = get_provider("openai", "gpt-4", offline=True)
    assert run_single_mode(provider, "grün 緑", stream=stream) == 0
    assert written.getvalue() == b"openai/gpt-4 answers offline: gr?n ?\n"


@pytest.mark.parametrize("stream", [False, True])
def test_a_reader_that_goes_away_ends_quietly(
    stream: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As if by SIGPIPE; a full disk is one line, and 2."""
    provider = get_provider("openai", "gpt-4", offline=True)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", gone)
        assert run_single_mode(provider, "2+2?", stream=stream) == 141
    assert capsys.readouterr().err == ""
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        assert run_single_mode(provider, "2+2?", stream=stream) == 2
    assert capsys.readouterr().err == (
        "error: standard output cannot be written to: No space left on device\n"
    )


async def test_an_answer_is_had_where_nobody_reads_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was paid, whatever becomes of standard output."""
    provider = get_provider("openai", "gpt-4", offline=True)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", gone)
        text, _, _ = await provider.async_run("2+2?", stream_to_stdout=True)
    assert text == "openai/gpt-4 answers offline: 2+2?"
