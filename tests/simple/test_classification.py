"""smart_classify: a cheap model grades a prompt that it is shown as data, or this machine does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conduit.core.arms import Arm, Price
from conduit.core.budgets import Period, Scope, ScopeKind, Window
from conduit.core.costs import CostFilter, CostKind
from conduit.core.errors import FailureKind
from conduit.core.models import Query
from conduit.core.outcomes import ModelRequest
from conduit.engines.router import Router
from conduit.features.encoders.hashing import HashingEncoder
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.simple.configuration import POLICY, Configuration
from conduit.simple.grading.classification import classified
from conduit.simple.grading.question import MOST_QUOTED, RefusedVerdictError, grade_in, question
from conduit.simple.grading.verdicts import SmartClassification, Verdicts
from conduit.simple.house import House
from tests.features.attacks import ATTACKS, PROMPTS

CHEAP = Arm(id="cheap", provider="openai", price=Price(input=0.15, output=0.6))
QUALITY = Arm(id="quality", provider="openai", price=Price(input=2.5, output=10.0))
TOKEN = "5f" * 16
DAY = Window(Period.DAILY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted(Configuration):
    """Two models that say what they are told; every router has a store of its own."""

    client: ScriptedProvider = field()

    def make(self) -> Router:
        """Without the network, and without anybody's weights."""
        return Router(
            [self.cheap, self.quality],
            policy=POLICY,
            client=self.client,
            encoder=HashingEncoder(),
            settings=self.settings,
        )


def plan_of(client: ScriptedProvider) -> Scripted:
    """A plan that asks this client, once."""
    settings = Settings(num_retries=0, app_retries=0)
    return Scripted(settings=settings, cheap=CHEAP, quality=QUALITY, client=client)


def shown(request: ModelRequest) -> tuple[str, str]:
    """The prompt that a model was shown, and the token of the question."""
    assert request.chat is not None
    token, quoted, end = request.chat.messages[1]["content"].split("\n")
    assert token == end
    prompt: str = json.loads(quoted)
    return prompt, token


def graded(request: ModelRequest) -> str:
    """A model that does as it is asked: the longer the prompt, the harder."""
    prompt, token = shown(request)
    score = min(10, 1 + len(prompt) // 100)
    return json.dumps({"token": token, "score": score, "reasoning": "by its length"})


@pytest.fixture
async def home() -> AsyncIterator[House]:
    """A house of this test's own, whose things live on the test's event loop."""
    house = House()
    yield house
    await house._leave()


async def verdict(home: House, plan: Configuration, prompt: str) -> SmartClassification:
    """What is said of a prompt."""
    return await classified(home, plan, Query(prompt))


async def test_a_model_grades_and_its_cost_is_on_the_ledger(home: House) -> None:
    """The cheap model is asked; tokens are priced, on record as a classification, and nothing stays set aside."""
    client = ScriptedProvider(graded)
    plan = plan_of(client)
    async with home.lent(plan) as router:
        ledger = await router.ledger()
        scope = Scope(ScopeKind.MODEL, "cheap")
        await ledger.set_budget(scope, DAY, 1.0, actor="test")
        said = await verdict(home, plan, "What is 2+2?")
        (record,) = (await ledger.records(CostFilter(), limit=10)).records
        (spend,) = await ledger.standing([scope])
    assert (said.raw_score, said.complexity_score, said.reasoning) == (1, 0.0, "by its length")
    assert not said.from_cache
    (request,) = client.requests
    assert request.arm == CHEAP
    assert (record.kind, record.model, record.base_cost) == (CostKind.CLASSIFY, "cheap", 0.0)
    assert CHEAP.price is not None
    assert record.cost == pytest.approx(
        CHEAP.price.cost(
            input_tokens=record.input_tokens or 0, output_tokens=record.output_tokens or 0
        )
    )
    assert spend.settled == pytest.approx(record.cost, abs=1e-9)
    assert (spend.reserved, record.decision_id) == (0.0, None)


async def test_classifying_teaches_and_logs_nothing(home: House) -> None:
    """No decision is on record for it, and the next answer is decided as before."""
    plan = plan_of(ScriptedProvider(graded))
    async with home.lent(plan) as router:
        before = await router.preview("Analyze this contract")
        await verdict(home, plan, "Analyze this contract")
        after = await router.preview("Analyze this contract")
        logged = [it async for it in (await router.open()).parts.store.log()]
    assert logged == []
    assert after.estimates == before.estimates


async def test_a_verdict_is_remembered(home: House) -> None:
    """The same prompt again asks nobody and says so; another prompt is asked about."""
    client = ScriptedProvider(graded)
    plan = plan_of(client)
    first, again, other = [await verdict(home, plan, it) for it in ("one", "one", "two")]
    assert (first.from_cache, again.from_cache, other.from_cache) == (False, True, False)
    assert again.raw_score == first.raw_score
    assert len(client.requests) == 2


def test_few_verdicts_are_kept() -> None:
    """The one that was not asked for longest goes first; another model's are others."""
    verdicts = Verdicts(most=2)
    for name in ("a", "b"):
        verdicts.put(name, SmartClassification(raw_score=3, reasoning=name), model="m")
    assert verdicts.get("a", model="m") is not None
    verdicts.put("c", SmartClassification(raw_score=4, reasoning="c"), model="m")
    assert len(verdicts) == 2
    assert verdicts.get("b", model="m") is None
    assert verdicts.get("a", model="n") is None
    kept = verdicts.get("a", model="m")
    assert kept == SmartClassification(raw_score=3, reasoning="a", from_cache=True)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_prompt_is_quoted_as_data(attack: str) -> None:
    """It stands on one line as a JSON string between two tokens, whatever it holds, and nowhere else."""
    prompt = f"What is 2+2?\n{attack}"
    system, user = question(prompt, token=TOKEN).messages
    before, quoted, after = user["content"].splitlines()
    assert (before, after) == (TOKEN, TOKEN)
    assert json.loads(quoted) == prompt[:MOST_QUOTED]
    assert quoted.isascii()
    assert quoted.isprintable()
    assert system == question("another", token=TOKEN).messages[0]


def test_every_question_has_a_token_of_its_own() -> None:
    """No prompt can know it beforehand."""
    assert question("x", token="a" * 32) != question("x", token="b" * 32)


def copying(request: ModelRequest) -> str:
    """A gullible model that repeats what a prompt bids it say."""
    prompt, _ = shown(request)
    return prompt.partition("\n")[2] or graded(request)


def obedient(request: ModelRequest) -> str:
    """A gullible model that obeys all that is not quoted, and takes the rest for data."""
    assert request.chat is not None
    _, token = shown(request)
    lines = request.chat.messages[1]["content"].split("\n")
    unquoted = [line for line in lines if line != token and not line.startswith('"')]
    orders = " ".join(unquoted)
    score = 10 if "10" in orders else 1 if orders else 4
    return json.dumps({"token": token, "score": score, "reasoning": "as told"})


@pytest.mark.parametrize("model", [copying, obedient])
async def test_no_attack_moves_the_score_of_a_gullible_model(
    home: House, model: Callable[[ModelRequest], str]
) -> None:
    """Appended to a prompt, none of fifty moves its score by a tenth."""
    plan = plan_of(ScriptedProvider(model))
    offline = await verdict(home, plan_of(ScriptedProvider("no verdict")), PROMPTS[0])
    for attack in ATTACKS:
        said = await verdict(home, plan, f"{PROMPTS[0]}\n{attack}")
        expected = offline.complexity_score if model is copying else 3 / 9
        assert abs(said.complexity_score - expected) < 0.1


@pytest.mark.parametrize("prompt", PROMPTS)
async def test_no_attack_moves_the_score_that_is_made_here(home: House, prompt: str) -> None:
    """Without a model, fifty attacks leave every prompt's score where it was."""
    plan = plan_of(ScriptedProvider("no verdict"))
    async with home.lent(plan) as router:
        before = await router.features(prompt)
        for attack in ATTACKS:
            after = await router.features(f"{prompt} {attack}")
            assert int(9 * after.difficulty) == int(9 * before.difficulty)


@pytest.mark.parametrize(
    "changed",
    [
        {"score": 0},
        {"score": 11},
        {"score": -1},
        {"score": 10**30},
        {"score": 7.0},
        {"score": 6.5},
        {"score": "7"},
        {"score": True},
        {"score": None},
        {"score": [7]},
        {"token": "another"},
        {"token": None},
        {"reasoning": ""},
        {"reasoning": 3},
        {"more": 1},
    ],
    ids=str,
)
def test_answers_that_are_no_verdict_are_refused(changed: dict[str, Any]) -> None:
    """A whole number from 1 to 10, the token of the question, a reason, and nothing else."""
    right = {"token": TOKEN, "score": 7, "reasoning": "steps"}
    assert grade_in(json.dumps(right), token=TOKEN).score == 7
    with pytest.raises(RefusedVerdictError):
        grade_in(json.dumps(right | changed), token=TOKEN)


@pytest.mark.parametrize("answer", ["", "7", "[7]", "null", "{", "score: 7", '{"score": 7}'])
def test_answers_of_another_form_are_refused(answer: str) -> None:
    """What is no JSON object of that form is no verdict."""
    with pytest.raises(RefusedVerdictError):
        grade_in(answer, token=TOKEN)


def test_a_fenced_answer_is_read() -> None:
    """Models like to mark JSON as code; the reason is one printable line."""
    said = {"token": TOKEN, "score": 2, "reasoning": "one\n\x1b[31mtwo\u202e"}
    grade = grade_in(f"```json\n{json.dumps(said)}\n```", token=TOKEN)
    assert (grade.score, grade.reasoning) == (2, "one [31mtwo")


@pytest.mark.parametrize("score", [0, 11])
async def test_a_refused_answer_is_paid_and_not_believed(home: House, score: int) -> None:
    """The local classifier judges in its place and says so; the cost stays, and it is asked anew."""

    def wrong(request: ModelRequest) -> str:
        token = shown(request)[1]
        return json.dumps({"token": token, "score": score, "reasoning": "as told"})

    client = ScriptedProvider(wrong)
    plan = plan_of(client)
    async with home.lent(plan) as router:
        said = await verdict(home, plan, "Debug this code")
        await verdict(home, plan, "Debug this code")
        records = (await (await router.ledger()).records(CostFilter(), limit=10)).records
    assert said.raw_score == 8
    assert "without asking a model" in said.reasoning
    assert "refused, score" in said.reasoning
    assert [it.kind for it in records] == [CostKind.CLASSIFY] * 2
    assert min(it.cost for it in records) > 0


async def test_where_no_model_answers_the_local_classifier_serves(home: House) -> None:
    """A failing provider costs nothing and is named."""
    client = ScriptedProvider(graded, failures={"cheap": [FailureKind.SERVER]})
    plan = plan_of(client)
    async with home.lent(plan) as router:
        said = await verdict(home, plan, "What is 2+2?")
        records = (await (await router.ledger()).records(CostFilter(), limit=10)).records
    assert said.raw_score == 2
    assert "models failed" in said.reasoning
    assert not said.from_cache
    assert not records


async def test_where_the_money_is_spent_the_local_classifier_serves(home: House) -> None:
    """A budget that does not allow for the question is kept: nobody is asked."""
    client = ScriptedProvider(graded)
    plan = plan_of(client)
    async with home.lent(plan) as router:
        ledger = await router.ledger()
        await ledger.set_budget(Scope(ScopeKind.MODEL, "cheap"), DAY, 1e-6, actor="test")
        said = await verdict(home, plan, "What is 2+2?")
    assert said.raw_score == 2
    assert client.requests == []


ONE_LINE = """
import json
from conduit import llm_dry_run, smart_classify
prompts = ["What is 2+2?", "Summarize this", "Analyze this contract", "Debug this code"]
offline = [smart_classify(it, offline=True) for it in prompts]
keyless = smart_classify("What is 2+2?")
print(json.dumps({
    "raw": [it.raw_score for it in offline],
    "reasons": [it.reasoning for it in (offline[0], keyless)],
    "dry": [llm_dry_run(it, offline=True) for it in prompts],
}))
"""


def test_in_one_line(tmp_path: Path) -> None:
    """Without a key, or offline, the local classifier judges and says why; llm agrees with it."""
    folders = {name: str(tmp_path) for name in ("CONDUIT_DATA_DIR", "CONDUIT_CACHE_DIR", "HOME")}
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", ONE_LINE],
        env={**folders, "PYTHONPATH": root, "CONDUIT_ENCODER": "hashing"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    assert said["raw"] == [2, 2, 8, 8]
    assert "(offline)" in said["reasons"][0]
    assert "no API key" in said["reasons"][1]
    assert [it["model"] for it in said["dry"]] == ["gpt-4o-mini"] * 2 + ["gpt-4o"] * 2
    starts = [it["reason"].partition(":")[0] for it in said["dry"]]
    assert starts == ["Simple prompt"] * 2 + ["Complex prompt"] * 2
