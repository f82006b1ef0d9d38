"""``conduit batch``: a folder of prompts, answered over HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from conduit.engines.ledger_till import LedgerTill

from ..batch.answering import names, write
from ..providers.fake_tools import calls
from ..providers.loopback import Answer, Received
from ..providers.protocols import OPENAI
from .conftest import Run, Served, answered, failed


@pytest.fixture
def prompts(machine: Path) -> Path:
    """Two prompts."""
    return write(machine / "prompts", a__md="What is 2+2?", b__json="And 3+3?")


def test_without_a_provider_the_router_decides(conduit: Run, openai: Served, prompts: Path) -> None:
    """One JSON object says what became of every prompt; the router's decision is on record."""
    said = conduit("batch", "--json").json
    assert (said["done"], said["skipped"], said["failed"]) == (2, 0, 0)
    assert {it["prompt"]: it["output"] for it in said["prompts"]} == {
        "a.md.prompt.md": "a.md",
        "b.json.prompt.md": "b.json",
    }
    assert said["spent_usd"] == pytest.approx(sum(it["cost_usd"] for it in said["prompts"]))
    assert {it["model"] for it in said["prompts"]} == {body["model"] for body in openai.bodies}
    assert conduit("report", "--json").json["total"]["requests"] == 2
    again = conduit("batch", "--json").json
    assert (again["skipped"], again["spent_usd"], len(openai.bodies)) == (2, 0, 2)


def test_exit_codes(conduit: Run, openai: Served, machine: Path) -> None:
    """2 for what cannot be used, 1 for no prompts or a failure, 0 for done and done before."""
    assert "the folder of prompts 'prompts' is not there" in conduit("batch").error
    (machine / "prompts").mkdir()
    assert conduit("batch").code == 1
    write(machine / "prompts", a__json="x")
    assert conduit("batch", "-j", "0").code == 2
    assert conduit("batch", "--provider", "nobody").code == 2
    assert conduit("batch", "--reasoning", "high").code == 2
    openai.answers = lambda _: failed()
    ran = conduit("batch", "--json")
    assert (ran.code, ran.json["failed"]) == (1, 1)
    assert "failed (server)" in ran.json["prompts"][0]["error"]
    assert "a.json.prompt.md" in ran.err
    openai.answers = lambda _: answered("4")
    assert [conduit("batch").code for _ in range(2)] == [0, 0]


def test_a_model_is_forced(conduit: Run, openai: Served, prompts: Path) -> None:
    """--model answers all prompts, and its answers are not another model's."""
    conduit("batch", "--model", "gpt-4o")
    conduit("batch", "--model", "gpt-4o")
    assert [body["model"] for body in openai.bodies] == ["gpt-4o"] * 2
    conduit("batch", "--provider", "openai", "--model", "gpt-4o-mini")
    assert [body["model"] for body in openai.bodies][2:] == ["gpt-4o-mini"] * 2


def test_auto_is_stronger_than_settings_and_may_be_one(
    conduit: Run, openai: Served, prompts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--provider auto routes whatever MODEL_PROVIDER and MODEL_NAME say; MODEL_PROVIDER=auto, too."""
    monkeypatch.setenv("CONDUIT_POLICY", "cheapest")
    asked, routed = ("batch", "--json", "--force"), {"gpt-4o-mini"}
    monkeypatch.setenv("MODEL_PROVIDER", "openai")
    monkeypatch.setenv("MODEL_NAME", "gpt-4o")
    said = conduit(*asked, "--provider", "auto").json
    assert {it["model"] for it in said["prompts"]} == routed
    assert conduit("batch", "--json", "--provider", "auto").json["skipped"] == 2
    monkeypatch.setenv("MODEL_PROVIDER", "Auto")
    assert {it["model"] for it in conduit(*asked).json["prompts"]} == {"gpt-4o"}
    monkeypatch.delenv("MODEL_NAME")
    assert {it["model"] for it in conduit(*asked).json["prompts"]} == routed


def test_the_whole_batch_may_cost_so_much(conduit: Run, openai: Served, machine: Path) -> None:
    """--max-cost is never exceeded: prompts beyond it fail, and no budget is left behind."""
    write(machine / "prompts", **{f"p{number}__md": "x" for number in range(8)})
    openai.answers = lambda _: answered("y" * 40)
    ran = conduit("batch", "--model", "gpt-4o", "--max-cost", ".05", "--json", "-j", "2")
    assert ran.code == 0
    assert 0 < ran.json["spent_usd"] <= 0.05
    ran = conduit("batch", "--model", "gpt-4o", "--max-cost", "1e-6", "--json", "--force")
    assert (ran.code, ran.json["failed"], ran.json["spent_usd"]) == (1, 8, 0)
    assert "total budget of session" in ran.json["prompts"][0]["error"]


def test_prompts_wait_for_the_money_of_each_other(
    conduit: Run, openai: Served, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call may cost all that the batch has: none fails while the others give money back."""
    write(machine / "prompts", **{f"p{number}__md": "x" for number in range(4)})
    monkeypatch.setattr("conduit.engines.money.LedgerTill", partial(LedgerTill, patience=0.3))
    openai.answers = lambda _: answered("4", delay=0.25)
    ran = conduit("batch", "--model", "gpt-4o", "--max-cost", ".15", "-j", "4", "--json")
    assert (ran.code, ran.json["done"], ran.json["failed"]) == (0, 4, 0)


def test_an_answer_that_the_money_has_cut_is_asked_for_again(
    conduit: Run, openai: Served, prompts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is paid, and no answer; one that is as long as the user allows is."""
    openai.answers = lambda _: Answer(body=OPENAI.answer("[1]", "length"))
    asked = ("batch", "--model", "gpt-4o", "--json", "-j", "1")
    ran = conduit(*asked, "--max-cost", ".05")
    assert (ran.code, ran.json["failed"], ran.json["prompts"][0]["cut"]) == (1, 2, True)
    assert ran.json["spent_usd"] > 0
    assert "--max-cost" in ran.json["prompts"][0]["error"]
    assert not list((prompts.parent / "outputs").glob("[ab].*"))
    openai.answers = lambda _: answered("[1]")
    ran = conduit(*asked)
    assert (ran.json["done"], ran.json["prompts"][0]["cut"]) == (2, False)
    monkeypatch.setenv("CONDUIT_MAX_TOKENS", "7")
    openai.answers = lambda _: Answer(body=OPENAI.answer("[1]", "length"))
    ran = conduit(*asked, "--max-cost", ".05")
    assert (ran.json["done"], ran.json["prompts"][0]["cut"]) == (2, True)


def test_a_tool_that_says_afterwards_what_it_cost_is_not_asked_beyond_the_limit(
    conduit: Run, tools: Path, machine: Path
) -> None:
    """The call that reaches the limit, of $0.0125 each, is the last; who is free goes on."""
    write(machine / "prompts", **{f"p{number}__md": "x" for number in range(6)})
    asked = ("batch", "--max-cost", ".02", "-j", "1", "--json", "--provider")
    ran = conduit(*asked, "claude-code")
    assert (ran.code, ran.json["done"], ran.json["failed"]) == (1, 2, 4)
    assert ran.json["spent_usd"] == pytest.approx(0.025)
    assert len(calls(tools)) == 2
    assert "is $0.02: $0.025 are spent, and nothing is left" in ran.err
    assert conduit(*asked, "openai-codex", "--max-cost", "0").json["done"] == 6


@pytest.mark.parametrize("who", [[], ["--provider", "openai"]])
def test_force_asks_anew_whatever_is_remembered(
    conduit: Run, openai: Served, machine: Path, monkeypatch: pytest.MonkeyPatch, who: list[str]
) -> None:
    """With a cache of answers two equal prompts are asked once, and with --force each."""
    monkeypatch.setenv("CONDUIT_RESPONSE_CACHE_SECONDS", "60")
    write(machine / "prompts", a__md="What is 2+2?", b__md="What is 2+2?")
    asked = ("batch", "-j", "1", "--json", *who)
    assert (conduit(*asked).json["done"], len(openai.bodies)) == (2, 1)
    assert (conduit(*asked, "--force").json["done"], len(openai.bodies)) == (2, 3)


def test_the_log_may_be_elsewhere_or_nowhere(
    conduit: Run, openai: Served, prompts: Path, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CONDUIT_LOG_FILE moves it; one that cannot be written is a warning."""
    monkeypatch.setenv("CONDUIT_LOG_FILE", str(machine / "elsewhere" / "b.log"))
    assert conduit("batch").err == ""
    assert (
        "INFO conduit.batch.prompts done prompt=a.md.prompt.md"
        in (machine / "elsewhere" / "b.log").read_text()
    )
    assert not (machine / ".local").exists()
    monkeypatch.setenv("CONDUIT_LOG_FILE", str(prompts))
    ran = conduit("batch")
    assert ran.code == 0
    assert ran.err.startswith("warning: no log is written to ")


def test_ctrl_c_ends_it_with_what_is_done(openai: Served, machine: Path) -> None:
    """Exit code 130, one line on how far it came, whole files, and a next run for the rest."""
    write(machine / "prompts", a__md="quick", b__md="slow")
    begun = threading.Event()

    def answer(received: Received) -> Answer:
        if received.body["messages"][-1]["content"] == "quick":
            return answered("4")
        begun.set()
        return Answer(delay=60)

    openai.answers = answer
    process = subprocess.Popen(
        [sys.executable, "-m", "conduit", "batch", "--verbose", "-j", "1"],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "done    a.md.prompt.md" in process.stderr.readline()
    assert begun.wait(60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.startswith("interrupted: 1 done, 0 skipped, 0 failed")
    assert "Traceback" not in err
    assert names(machine / "outputs") == ["a.md"]
