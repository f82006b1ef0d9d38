"""A folder of prompts, answered."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from conduit.batch.register import NAME
from conduit.batch.running import arun_batch
from conduit.core.clocks import ManualClock
from conduit.core.errors import (
    AllModelsFailedError,
    ConduitError,
    FailureKind,
    InvalidInputError,
    ProviderError,
)

from .answering import Scripted, names, write


async def run(provider: Scripted, folder: Path, **options: object) -> dict[str, str]:
    """A batch from ``prompts`` to ``outputs``; what became of every prompt."""
    report = await arun_batch(
        provider,
        input_dir=folder / "prompts",
        output_dir=folder / "outputs",
        **options,  # type: ignore[arg-type]
    )
    return {it.prompt.removesuffix(".prompt.md"): it.status.value for it in report.results}


async def test_answers_go_where_the_names_say(tmp_path: Path) -> None:
    """JSON objects carry hash and origin, Markdown the hash on line 1; nothing else is left."""
    write(tmp_path / "prompts", rules__json="rules", note__md="note", free="free")
    provider = Scripted(lambda prompt: '{"a": 1}' if prompt == "rules" else "# Hi")
    await run(provider, tmp_path, clock=ManualClock(0.0))
    outputs = tmp_path / "outputs"
    assert names(outputs) == ["free.md", "note.md", "rules.json"]
    rules = json.loads((outputs / "rules.json").read_text())
    assert rules["a"] == 1
    assert len(rules["_prompt_hash"]) == 64
    assert rules["_llm_metadata"] == {
        "model": "small",
        "provider": "here",
        "cost_usd": 0.25,
        "input_tokens": 3,
        "output_tokens": 5,
        "finish_reason": "stop",
        "decision_id": "d-1",
        "created_at": "1970-01-01T00:00:00+00:00",
    }
    assert (outputs / "note.md").read_text().startswith("<!-- Prompt Hash: ")


async def test_a_second_run_asks_nobody(tmp_path: Path) -> None:
    """Objects, lists, scalars and Markdown are all known again; force asks all of them."""
    write(tmp_path / "prompts", a__json="{}", b__json="[1]", c__json="4", d__md="x", e="[2]", f="y")
    provider = Scripted(lambda prompt: prompt)
    assert set((await run(provider, tmp_path)).values()) == {"done"}
    before = {
        name: (tmp_path / "outputs" / name).read_bytes() for name in names(tmp_path / "outputs")
    }
    assert set((await run(provider, tmp_path)).values()) == {"skipped"}
    assert len(provider.asked) == 6
    assert before == {name: (tmp_path / "outputs" / name).read_bytes() for name in before}
    assert set((await run(provider, tmp_path, force=True)).values()) == {"done"}
    assert len(provider.asked) == 12


async def test_what_has_changed_is_asked_again(tmp_path: Path) -> None:
    """Another prompt, another one who is asked, an output that is gone or was not ours: asked."""
    write(tmp_path / "prompts", a__md="a", b__json="[1]", c__md="c", d__json="[2]")
    provider = Scripted(lambda prompt: prompt)
    await run(provider, tmp_path)
    write(tmp_path / "prompts", a__md="other")
    (tmp_path / "outputs" / "b.json").write_text("[7]\n")
    (tmp_path / "outputs" / "c.md").unlink()
    assert await run(provider, tmp_path) == {
        "a.md": "done", "b.json": "done", "c.md": "done", "d.json": "skipped",
    }  # fmt: skip
    assert set((await run(Scripted(lambda it: it, identity="new"), tmp_path)).values()) == {"done"}


async def test_the_register_survives_a_line_that_was_cut(tmp_path: Path) -> None:
    """After a torn write the lines before and after it count."""
    write(tmp_path / "prompts", a__json="[1]")
    provider = Scripted(lambda prompt: prompt)
    await run(provider, tmp_path)
    with (tmp_path / "outputs" / NAME).open("ab") as register:
        register.write(b'{"output": "b.js')
    write(tmp_path / "prompts", c__json="[3]")
    await run(provider, tmp_path)
    assert await run(provider, tmp_path) == {"a.json": "skipped", "c.json": "skipped"}


async def test_an_answer_of_the_other_form_takes_the_place_of_the_first(tmp_path: Path) -> None:
    """Where the answer decides, no earlier output of ours is left beside the new one."""
    write(tmp_path / "prompts", a='{"v": 1}', b='{"v": 1}')
    provider = Scripted(lambda prompt: prompt)
    await run(provider, tmp_path)
    (tmp_path / "outputs" / "b.json").write_text('{"mine": true}')
    write(tmp_path / "prompts", a="text", b="text")
    await run(provider, tmp_path)
    assert names(tmp_path / "outputs") == ["a.md", "b.json", "b.md"]


def refuse(prompt: str) -> str:
    """Answers, but for some prompts."""
    if prompt == "away":
        failure = ProviderError(FailureKind.TIMEOUT, model="small", detail="away: secret")
        raise AllModelsFailedError([failure])
    if prompt == "no money":
        raise ConduitError("no money")
    return prompt


async def test_failures_stop_nobody_and_harm_nothing(tmp_path: Path) -> None:
    """What cannot be read, answered or used fails alone; outputs that were there stay."""
    prompts = write(tmp_path / "prompts", a__md="good", empty=" \n", away="away", broke="no money")
    write(prompts, j__json="no json", k="fine")
    (prompts / "latin.prompt.md").write_bytes("ä".encode("latin-1"))
    (prompts / "nowhere.prompt.md").symlink_to(prompts / "nothing")
    (prompts / "round.prompt.md").symlink_to(prompts / "round.prompt.md")
    os.mkfifo(prompts / "pipe.prompt.md")
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    (outputs / "j.json").write_text('{"old": 1}')
    (outputs / "k.md").mkdir()
    provider = Scripted(refuse)
    report = await arun_batch(provider, input_dir=prompts, output_dir=outputs)
    assert report.exit_code == 1
    failed = {it.prompt.removesuffix(".prompt.md"): it.error for it in report.failures}
    assert set(failed) == {
        "empty", "away", "broke", "j.json", "k", "latin", "nowhere", "pipe", "round",
    }  # fmt: skip
    assert failed["empty"] == "the prompt is empty"
    assert "not in UTF-8 (byte 0)" in str(failed["latin"])
    assert "is no JSON" in str(failed["j.json"])
    assert (outputs / "j.json").read_text() == '{"old": 1}'
    assert sorted(provider.asked) == ["away", "good", "no json", "no money"]
    assert report.spent == 0.5  # an answer that cannot be used is paid as well
    assert names(outputs) == ["a.md", "j.json"]


@pytest.mark.parametrize("deep", [1_500, 100_000])
async def test_an_answer_that_is_too_deep_to_be_written_stops_nobody(
    tmp_path: Path, deep: int
) -> None:
    """It is paid and fails, and the next prompt is asked; how deep that is differs between Pythons."""
    write(tmp_path / "prompts", a__json="deep", b__json="flat")
    provider = Scripted(lambda it: "[" * deep + "]" * deep if it == "deep" else "[]")
    done = await run(provider, tmp_path, parallelism=1)
    is_written = "a.json" in names(tmp_path / "outputs")
    assert done == {"a.json": "done" if is_written else "failed", "b.json": "done"}
    assert deep < 100_000 or not is_written


async def test_where_answers_cannot_be_written_no_more_are_paid(tmp_path: Path) -> None:
    """As on a full disk: the first that is lost is the last that is asked, and outputs stay."""
    write(tmp_path / "prompts", a__md="a", b__md="b", c__md="c")
    outputs = tmp_path / "outputs"
    await run(Scripted(), tmp_path)
    before = (outputs / "b.md").read_bytes()

    def obstruct(prompt: str) -> str:
        if prompt == "b":
            (outputs / ".b.md.tmp").mkdir()
        return "new"

    provider = Scripted(obstruct)
    report = await arun_batch(
        provider, 1, force=True, input_dir=tmp_path / "prompts", output_dir=outputs
    )
    assert (provider.asked, provider.fresh) == (["a", "b"], [True, True])
    assert (report.stopped, report.exit_code, report.spent) == (True, 1, 0.5)
    assert (report.as_json()["stopped"], report.as_json()["left"]) == (True, 1)
    assert (outputs / "b.md").read_bytes() == before


async def test_logs_have_kinds_and_no_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A line per prompt; of an error its class and kind, and nothing that was said."""
    write(tmp_path / "prompts", a__md="away", b__md="fine words")
    with caplog.at_level("INFO", "conduit.batch"):
        await run(Scripted(refuse), tmp_path, parallelism=1)
    failed, done = caplog.records
    assert (failed.levelname, failed.getMessage()) == ("ERROR", "failed")
    assert failed.fields["reason"] == "AllModelsFailedError small:timeout"  # type: ignore[attr-defined]
    assert (done.levelname, done.getMessage()) == ("INFO", "done")
    assert "secret" not in str(failed.__dict__)
    assert "fine words" not in str(done.__dict__)


@pytest.mark.parametrize(("parallelism", "most"), [(None, 4), (1, 1), (3, 3), (1000, 20)])
async def test_so_many_are_under_way_at_once(
    tmp_path: Path, parallelism: int | None, most: int
) -> None:
    """As many as asked for, else as the provider likes, and never more than there are prompts."""
    write(tmp_path / "prompts", **{f"p{number}__md": str(number) for number in range(20)})
    provider = Scripted(gate=asyncio.Event())
    batch = asyncio.create_task(run(provider, tmp_path, parallelism=parallelism))
    while provider.under_way < most:
        provider.busy.clear()
        await provider.busy.wait()
    assert provider.gate is not None
    provider.gate.set()
    assert set((await batch).values()) == {"done"}
    assert provider.most == most


async def test_cancelled_it_leaves_what_is_done_and_nothing_else(tmp_path: Path) -> None:
    """Calls under way are cancelled, their locks are gone, and the next run does the rest."""
    write(tmp_path / "prompts", a__md="a", b__md="b", c__md="c")
    first = Scripted()
    await run(first, tmp_path, parallelism=1)
    (tmp_path / "outputs" / "c.md").unlink()
    provider = Scripted(gate=asyncio.Event())
    batch = asyncio.create_task(run(provider, tmp_path))
    await provider.busy.wait()
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    assert provider.cancelled == 1
    assert names(tmp_path / "outputs") == ["a.md", "b.md"]
    assert sorted((await run(first, tmp_path)).values()) == ["done", "skipped", "skipped"]


async def test_two_batches_at_once_pay_once(tmp_path: Path) -> None:
    """Whoever waited for a lock finds the answer there."""
    write(tmp_path / "prompts", **{f"p{number}__json": f"[{number}]" for number in range(12)})
    one, two = Scripted(lambda prompt: prompt), Scripted(lambda prompt: prompt)
    results = await asyncio.gather(run(one, tmp_path), run(two, tmp_path))
    assert sorted(one.asked + two.asked) == sorted(f"[{number}]" for number in range(12))
    assert (
        sorted(status for it in results for status in it.values())
        == ["done"] * 12 + ["skipped"] * 12
    )


async def test_an_old_lock_file_locks_nothing(tmp_path: Path) -> None:
    """What a killed process left is taken over: lock and half an output."""
    write(tmp_path / "prompts", a__md="a")
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    (outputs / ".a.md.lock").touch()
    (outputs / ".a.md.tmp").write_text("half")
    assert await run(Scripted(), tmp_path) == {"a.md": "done"}
    assert names(outputs) == ["a.md"]


async def test_folders_below_are_mirrored(tmp_path: Path) -> None:
    """With recursive, names and folders in any script."""
    write(tmp_path / "prompts" / "Ordner" / "深い", Prüfung__md="x")
    assert await run(Scripted(), tmp_path) == {}
    assert await run(Scripted(), tmp_path, recursive=True) == {"Ordner/深い/Prüfung.md": "done"}
    assert names(tmp_path / "outputs") == ["Ordner/深い/Prüfung.md"]


async def test_what_cannot_be_used_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    """A number below 1, and a folder of outputs that is a file."""
    write(tmp_path / "prompts", a__md="a")
    (tmp_path / "outputs").touch()
    provider = Scripted()
    with pytest.raises(InvalidInputError, match="parallelism=0"):
        await run(provider, tmp_path, parallelism=0)
    with pytest.raises(InvalidInputError, match="nothing can be written to the folder"):
        await run(provider, tmp_path)
    assert provider.asked == []


async def test_an_answer_that_was_cut_is_kept_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Markdown that its length has ended is written, with a warning that names it."""
    write(tmp_path / "prompts", a__md="a")

    class Cut(Scripted):
        async def aanswer(self, prompt: str, /):  # type: ignore[no-untyped-def]
            from .answering import response

            return response("half a sen", finish_reason="length")

    with caplog.at_level("WARNING", "conduit.batch"):
        await run(Cut(), tmp_path)
    (warned,) = caplog.records
    assert (warned.getMessage(), warned.fields) == ("cut by its length", {"output": "a.md"})  # type: ignore[attr-defined]
