"""One ledger: what the controller says holds for llm(), in this process and in others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from conduit import CostController, Period, Provider, SQLiteStorage, llm, session
from conduit.core.errors import BudgetExceededError, InvalidInputError
from conduit.core.models import Query
from conduit.simple.configuration import configuration
from conduit.simple.house import House
from tests.servers.postgres import Databases
from tests.simple.control_house import own_house

ROOT = Path(__file__).parents[2]
ELSEWHERE = """
import json, sys
from conduit import CostController, llm
from conduit.core.errors import BudgetExceededError

try:
    said = {"refused": "", "cost": llm("What is 2+2?", user_id="anna", task_type="chat").cost}
except BudgetExceededError as error:
    said = {"refused": error.scope, "resets_at": error.resets_at}
(spend,) = CostController().get_user_budget("anna")
print(json.dumps(said | {"limit": spend.budget.limit, "spent": spend.settled}))
"""
SPENDER = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from conduit import CostController, SQLiteStorage
from conduit.core.errors import BudgetExceededError

controller = CostController(SQLiteStorage("shared.db"))

def call(turn):
    try:
        with controller.reserve("anna", 0.05, wait=60) as held:
            held.settle(0.05 if turn % 2 else 0.03, "gpt-4o")
            return 0.05 if turn % 2 else 0.03
    except BudgetExceededError:
        return 0.0

with ThreadPoolExecutor(8) as threads:
    print(json.dumps(list(threads.map(call, range(16)))))
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house with nothing in it."""
    with own_house(tmp_path, monkeypatch) as home:
        yield home


def elsewhere(script: str) -> subprocess.Popen[str]:
    """Another process with the same settings, in the same folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def spending() -> Iterator[float]:
    """What calls cost, until one is refused."""
    for _ in range(1000):
        try:
            yield llm("What is 2+2?", "low", user_id="anna", task_type="chat").cost
        except BudgetExceededError:
            return


def test_a_spent_budget_refuses_llm_at_once(home: House) -> None:
    """Though a call of that user was just made, and nothing was known of a budget then."""
    del home
    controller = CostController()
    first = llm("What is 2+2?", user_id="anna", task_type="chat")
    controller.set_user_budget("anna", daily_usd=0.0)
    with pytest.raises(BudgetExceededError, match="daily budget of user 'anna'") as caught:
        llm("What is 2+2?", user_id="anna")
    assert caught.value.resets_at is not None
    assert llm("What is 2+2?", user_id="ben").text
    controller.remove_user_budget("anna")
    assert llm("What is 2+2?", user_id="anna").cost == first.cost


def test_no_spelling_of_a_user_passes_by_the_budget(home: House) -> None:
    """What the budget of "42" refuses, 42 does not get: not by llm(), a session or a router."""
    CostController().set_user_budget("42", daily_usd=0.0)
    number: Any = 42
    calls: list[tuple[type[Exception], Callable[[], object]]] = [
        (BudgetExceededError, lambda: llm("What is 2+2?", user_id="42")),
        (InvalidInputError, lambda: llm("What is 2+2?", user_id=number)),
        (InvalidInputError, lambda: llm("What is 2+2?", task_type=number)),
        (InvalidInputError, lambda: session(user_id=number)),
    ]
    for error, call in calls:
        with pytest.raises(error, match="42"):
            call()

    async def asked() -> None:
        async with home.lent(configuration(home.overrides)) as router:
            await router.complete(Query("What is 2+2?", user_id=number))

    with pytest.raises(InvalidInputError, match=r"str\(user_id\)"):
        home.background.run(asked())


def test_what_llm_spends_counts_and_ends_the_budget(home: House) -> None:
    """To the nanodollar, by user, model and task; the first call that does not fit is refused."""
    del home
    controller = CostController()
    controller.set_user_budget("anna", daily_usd=0.001)
    controller.set_task_type_budget("chat", monthly_usd=1.0)
    spent = list(spending())
    assert 0 < len(spent) < 1000
    for (spend,) in (controller.get_user_budget("anna"), controller.get_task_type_budget("chat")):
        assert (spend.settled, spend.reserved) == (round(sum(spent), 9), 0.0)
        assert spend.settled <= spend.budget.limit
    for by, key in (("user", "anna"), ("task_type", "chat"), ("model", "gpt-4o-mini")):
        report = controller.get_cost_report(by, Period.DAILY)
        assert report.breakdown == {key: round(sum(spent), 9)}
        assert report.total_requests == len(spent)


def test_a_model_and_a_task_refuse_llm_too(home: House) -> None:
    """A model without money is passed over; a kind of task without money is refused."""
    del home
    controller = CostController()
    controller.set_model_budget("gpt-4o-mini", daily_usd=0.0)
    assert llm("What is 2+2?").model == "gpt-4o"
    controller.remove_model_budget("gpt-4o-mini")
    controller.set_task_type_budget("chat", daily_usd=0.0)
    with pytest.raises(BudgetExceededError, match="task type 'chat'"):
        llm("What is 2+2?", task_type="chat")


def test_a_providers_models_are_held_too(home: House) -> None:
    """What a provider has just spent is reported, and a model without money is passed over at once."""
    del home
    controller, provider = CostController(), Provider("google", "a-key")
    first = provider.chat("What is 2+2?")
    assert controller.get_cost_report("model").breakdown == {first.model: round(first.cost, 9)}
    controller.set_model_budget(first.model, daily_usd=0.0)
    assert provider.chat("What is 2+2?").model != first.model


def test_the_books_may_be_on_postgresql(
    home: House, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where DATABASE_URL names a server, all of it is there."""
    del home
    monkeypatch.setenv("DATABASE_URL", databases.new())
    monkeypatch.delenv("CONDUIT_OFFLINE")  # which has a file of its own
    controller = CostController()
    controller.set_user_budget("anna", daily_usd=1.0, monthly_usd=2.0)
    with controller.reserve("anna", 0.5) as held:
        held.settle(0.25, "gpt-4o", "chat")
    controller.record_cost("anna", 0.125, "gpt-4o-mini")
    assert [it.settled for it in controller.get_user_budget("anna")] == [0.375, 0.375]
    assert controller.get_cost_report().top_spenders == [("anna", 0.375)]
    assert [it["cost_usd"] for it in controller.export_records()] == [0.125, 0.25]


def test_another_process_sees_the_same_file(home: House) -> None:
    """A budget made here refuses there, and what was spent there is spent here."""
    del home
    controller = CostController()
    controller.set_user_budget("anna", daily_usd=1.0)
    there = json.loads(elsewhere(ELSEWHERE).communicate(timeout=60)[0])
    assert (there["refused"], there["limit"]) == ("", 1.0)
    assert there["spent"] == round(there["cost"], 9) > 0
    assert controller.get_cost_report("task_type").breakdown == {"chat": there["spent"]}
    controller.set_user_budget("anna", daily_usd=there["spent"])
    after = json.loads(elsewhere(ELSEWHERE).communicate(timeout=60)[0])
    assert (after["refused"], after["spent"]) == ("user:anna", there["spent"])


def test_threads_of_two_processes_never_overspend(home: House, tmp_path: Path) -> None:
    """Thirty-two calls at $.03 or $.05 on a dollar: what they paid is the books, and within."""
    del home
    controller = CostController(SQLiteStorage(tmp_path / "shared.db"))
    controller.set_user_budget("anna", monthly_usd=1.0)
    spenders = [elsewhere(SPENDER) for _ in range(2)]
    paid = [cost for it in spenders for cost in json.loads(it.communicate(timeout=60)[0])]
    (spend,) = controller.get_user_budget("anna")
    assert (spend.settled, spend.reserved) == (round(sum(paid), 9), 0.0)
    assert 0.95 < spend.settled <= 1.0


def test_many_threads_share_one_controller(home: House) -> None:
    """Whatever they do at once, nothing is lost, and nobody waits for ever."""
    del home
    controller = CostController()
    controller.set_user_budget("anna", daily_usd=1.0)
    start = threading.Barrier(16)

    def spend(number: int) -> None:
        start.wait()
        controller.record_cost("anna", 0.01, "gpt-4o", id=f"{number // 2}")
        with controller.reserve("anna", 0.02) as held:
            held.settle(0.02, "gpt-4o")
        controller.check_budget("anna")

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(spend, range(16)))
    (found,) = controller.get_user_budget("anna")
    assert (found.settled, found.reserved) == (0.4, 0.0)
