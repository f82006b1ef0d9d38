"""Cost control: budgets that are made, asked, held, and told."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conduit import CostController, Period, SQLiteStorage
from conduit.budgets.ledger import Ledger
from conduit.core.errors import (
    BudgetExceededError,
    BudgetWarning,
    ConduitError,
    ConfigurationError,
    InvalidInputError,
    ReservationTimeoutError,
    StoreError,
)
from conduit.core.spending import Spend
from conduit.simple.control.books import OpenBooks
from conduit.simple.house import House
from tests.simple.control_house import own_house


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house with nothing in it."""
    with own_house(tmp_path, monkeypatch) as home:
        yield home


@pytest.fixture
def controller(home: House) -> CostController:
    """On a new file."""
    del home
    return CostController(storage=SQLiteStorage(db_path="conductor.db"))


def figures(spends: list[Spend]) -> dict[str, tuple[float, float, float]]:
    """Limit, spent and set aside, by window."""
    return {str(it.budget.window): (it.budget.limit, it.settled, it.reserved) for it in spends}


def test_the_forms_that_conductor_prints_all_work(controller: CostController) -> None:
    """Budgets, a check, records by name and by position, and a report that adds them up."""
    controller.set_user_budget("user_123", daily_usd=5.00, monthly_usd=50.00)
    controller.check_budget("user_123", estimated_cost=0.01)
    controller.record_cost("user_123", cost_usd=0.008, model="gpt-4o-mini", task_type="chat")
    controller.record_cost("user_123", 0.008, "gpt-4o-mini", "chat")
    report = controller.get_cost_report(group_by="user", period=Period.DAILY)
    assert (report.total_cost_usd, report.total_requests) == (0.016, 2)
    assert report.top_spenders == [("user_123", 0.016)]
    assert report.breakdown == {"user_123": 0.016}
    assert report.period is Period.DAILY


def test_the_settings_name_the_database_where_nobody_else_does(home: House, tmp_path: Path) -> None:
    """Without storage it is the one of llm(), and no router and no encoder is opened for it."""
    controller = CostController()
    controller.record_cost("anna", 0.5, "gpt-4o")
    assert (tmp_path / "data" / "offline.db").is_file()
    assert [type(it) for it in home.things] == [OpenBooks]


def test_two_controllers_keep_the_same_books(controller: CostController, home: House) -> None:
    """A file is opened once, however it is written, and stays the same wherever one goes."""
    controller.set_user_budget("anna", daily_usd=1.0)
    other = CostController(SQLiteStorage(Path("conductor.db").absolute()))
    other.record_cost("anna", 0.25, "gpt-4o")
    assert figures(controller.get_user_budget("anna")) == {"daily": (1.0, 0.25, 0.0)}
    assert len(home.things) == 1


def test_periods_that_are_left_out_stay_as_they_are(controller: CostController) -> None:
    """What was spent stays spent, and rolling windows are budgets of their own."""
    controller.set_user_budget("anna", hourly_usd=1, daily_usd=Decimal(5))
    controller.record_cost("anna", 0.5, "gpt-4o")
    controller.set_user_budget("anna", daily_usd=6.0, weekly_usd=20.0)
    found = controller.set_user_budget("anna", monthly_usd=50.0, rolling=True)
    assert figures(found) == {
        "hourly": (1.0, 0.5, 0.0),
        "daily": (6.0, 0.5, 0.0),
        "weekly": (20.0, 0.0, 0.0),
        "rolling monthly": (50.0, 0.0, 0.0),
    }


def test_models_and_kinds_of_tasks_have_budgets_too(controller: CostController) -> None:
    """All that a cost names counts it; removing one forgets it, and nothing else."""
    controller.set_model_budget("gpt-4o", daily_usd=2.0)
    controller.set_task_type_budget("chat", monthly_usd=3.0)
    controller.record_cost("anna", 0.5, "gpt-4o", "chat")
    controller.record_cost("ben", 0.25, "gpt-4o")
    assert figures(controller.get_model_budget("gpt-4o")) == {"daily": (2.0, 0.75, 0.0)}
    assert figures(controller.get_task_type_budget("chat")) == {"monthly": (3.0, 0.5, 0.0)}
    with pytest.raises(BudgetExceededError, match="model 'gpt-4o'"):
        controller.check_budget("ben", 1.5, model="gpt-4o")
    with pytest.raises(BudgetExceededError, match="task type 'chat'"):
        controller.check_budget("ben", 2.75, task_type="chat")
    assert controller.remove_model_budget("gpt-4o")
    assert not controller.remove_model_budget("gpt-4o")
    assert [str(it.budget.scope) for it in controller.get_budgets()] == ["task_type:chat"]
    assert controller.remove_task_type_budget("chat")
    assert controller.get_budgets() == []


def test_a_check_says_no_and_when_money_comes_back(controller: CostController) -> None:
    """A calendar day ends at midnight in UTC."""
    controller.set_user_budget("anna", daily_usd=1.0)
    controller.record_cost("anna", 0.75, "gpt-4o")
    before = datetime.now(UTC)
    with pytest.raises(BudgetExceededError, match="daily budget of user 'anna'") as caught:
        controller.check_budget("anna", 0.5)
    assert (caught.value.limit, caught.value.spent, caught.value.requested) == (1.0, 0.75, 0.5)
    midnight = before.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert caught.value.resets_at == midnight.timestamp()


def test_a_check_warns_from_four_fifths_on(
    controller: CostController, caplog: pytest.LogCaptureFixture
) -> None:
    """Below it says nothing; from there on it logs and issues a warning, and lets the call be made."""
    controller.set_user_budget("anna", daily_usd=1.0)
    controller.record_cost("anna", 0.5, "gpt-4o")
    (spend,) = controller.check_budget("anna", 0.29)
    assert spend.remaining == 0.5
    with (
        caplog.at_level(logging.WARNING, "conduit"),
        pytest.warns(BudgetWarning, match=r"daily budget of user 'anna' has \$0.5 of \$1"),
    ):
        controller.check_budget("anna", 0.3)
    assert "daily budget of user 'anna'" in caplog.text


def test_a_cost_with_an_id_counts_once(controller: CostController) -> None:
    """The same id again changes neither budgets nor reports."""
    controller.set_user_budget("anna", daily_usd=1.0)
    assert controller.record_cost("anna", 0.5, "gpt-4o", id="call-1")
    assert not controller.record_cost("anna", 0.5, "gpt-4o", id="call-1")
    assert figures(controller.get_user_budget("anna")) == {"daily": (1.0, 0.5, 0.0)}
    assert controller.get_cost_report().total_requests == 1


def test_reports_are_grouped_and_narrowed(controller: CostController) -> None:
    """By user, model and task, of one user or of all, and since ever."""
    controller.record_cost("anna", 0.5, "gpt-4o", "chat")
    controller.record_cost("anna", 0.125, "gpt-4o-mini")
    controller.record_cost("ben", 0.25, "gpt-4o", "chat")
    by_model = controller.get_cost_report("model", Period.TOTAL)
    assert by_model.breakdown == {"gpt-4o": 0.75, "gpt-4o-mini": 0.125}
    assert controller.get_cost_report("task_type", "weekly").breakdown == {"chat": 0.75, "": 0.125}
    narrow = controller.get_cost_report("model", user_id="anna", task_type="chat")
    assert (narrow.breakdown, narrow.total_cost_usd) == ({"gpt-4o": 0.5}, 0.5)
    assert by_model.top_spenders == [("anna", 0.625), ("ben", 0.25)]


def test_what_was_set_aside_is_settled_or_freed(controller: CostController) -> None:
    """Within, it is held; afterwards its cost is spent, and of a call that failed nothing is."""
    controller.set_user_budget("anna", daily_usd=1.0)
    with controller.reserve("anna", 0.75) as held:
        assert held.amount == 0.75
        assert figures(controller.get_user_budget("anna")) == {"daily": (1.0, 0.0, 0.75)}
        held.settle(0.25, "gpt-4o", "chat", prompt_tokens=10, completion_tokens=20)
    with pytest.raises(ZeroDivisionError), controller.reserve("anna", 0.5):
        raise ZeroDivisionError
    with controller.reserve("anna", 0.5):
        pass
    assert figures(controller.get_user_budget("anna")) == {"daily": (1.0, 0.25, 0.0)}
    (row,) = controller.export_records("dict")
    assert (row["id"], row["cost_usd"], row["task_type"]) == (held.id, 0.25, "chat")
    assert (row["prompt_tokens"], row["completion_tokens"]) == (10, 20)


def test_a_reservation_is_refused_for_two_reasons(controller: CostController) -> None:
    """The money is spent, or others hold it for longer than one waits."""
    controller.set_user_budget("anna", daily_usd=1.0)
    with controller.reserve("anna", 0.75) as held:
        with pytest.raises(ReservationTimeoutError), controller.reserve("anna", 0.5, wait=0):
            pass
        held.settle(0.75, "gpt-4o")
    with pytest.raises(BudgetExceededError), controller.reserve("anna", 0.5):
        pass
    assert figures(controller.get_user_budget("anna")) == {"daily": (1.0, 0.75, 0.0)}


def test_a_cost_that_the_database_could_not_take_stays_set_aside(
    controller: CostController, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else may spend it meanwhile, and it can be settled when the database is back."""
    controller.set_user_budget("anna", daily_usd=1.0)
    with monkeypatch.context() as away:

        async def gone(*_: object, **__: object) -> None:
            raise StoreError("the database is away")

        away.setattr(Ledger, "settle", gone)
        with pytest.raises(StoreError), controller.reserve("anna", 0.5) as held:
            held.settle(0.25, "gpt-4o")
    assert figures(controller.get_user_budget("anna")) == {"daily": (1.0, 0.0, 0.5)}
    held.settle(0.25, "gpt-4o")
    assert figures(controller.get_user_budget("anna")) == {"daily": (1.0, 0.25, 0.0)}


def test_accounts_named_only_at_the_end_count_the_cost(controller: CostController) -> None:
    """The model's budget counts a call whose model was not known when money was set aside; once."""
    controller.set_model_budget("gpt-4o", daily_usd=1.0)
    controller.set_task_type_budget("chat", daily_usd=1.0)
    with controller.reserve("anna", 0.5, task_type="chat") as held:
        held.settle(0.25, "gpt-4o")
        held.settle(0.5, "gpt-4o")
    assert figures(controller.get_model_budget("gpt-4o")) == {"daily": (1.0, 0.25, 0.0)}
    assert figures(controller.get_task_type_budget("chat")) == {"daily": (1.0, 0.25, 0.0)}


BAD: dict[str, Callable[[CostController], object]] = {
    "a negative budget": lambda it: it.set_user_budget("anna", daily_usd=1.0, monthly_usd=-1),
    "a budget that is NaN": lambda it: it.set_user_budget("anna", daily_usd=math.nan),
    "an endless budget": lambda it: it.set_user_budget("anna", daily_usd=math.inf),
    "a budget of no number": lambda it: it.set_user_budget("anna", daily_usd="5"),  # type: ignore[arg-type]
    "no budget": lambda it: it.set_user_budget("anna"),
    "a budget of nobody": lambda it: it.set_user_budget("", daily_usd=1.0),
    "a budget of a number": lambda it: it.set_user_budget(7, daily_usd=1.0),  # type: ignore[arg-type]
    "a soft budget": lambda it: it.set_user_budget("anna", daily_usd=1.0, hard_limit=False),
    "a negative cost": lambda it: it.record_cost("ben", -0.1, "gpt-4o"),
    "a cost that is NaN": lambda it: it.record_cost("ben", math.nan, "gpt-4o"),
    "a cost of truth": lambda it: it.record_cost("ben", True, "gpt-4o"),
    "a cost of no model": lambda it: it.record_cost("ben", 0.1, ""),
    "negative tokens": lambda it: it.record_cost("ben", 0.1, "gpt-4o", prompt_tokens=-1),
    "a negative estimate": lambda it: it.check_budget("ben", -0.1),
    "a reservation that is NaN": lambda it: it.reserve("ben", math.nan).__enter__(),
    "an unknown grouping": lambda it: it.get_cost_report("colour"),
    "an unknown period": lambda it: it.get_cost_report(period="yearly"),
    "an unknown format": lambda it: it.export_records("xml"),  # type: ignore[call-overload]
    "an unknown filter": lambda it: it.export_records(colour="red"),  # type: ignore[call-overload]
    "a wait that is NaN": lambda it: it.reserve("ben", 0.1, wait=math.nan).__enter__(),
    "another storage": lambda _: CostController("conductor.db"),  # type: ignore[arg-type]
    "no moment": lambda it: it.export_records(since="yesterday"),  # type: ignore[call-overload]
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_is_refused_and_changes_nothing(
    controller: CostController, what: str
) -> None:
    """One error of the one tree, in one line that ends with what to do."""
    with pytest.raises(InvalidInputError) as caught:
        BAD[what](controller)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    assert controller.get_budgets() == []
    assert controller.export_records() == []


def test_a_settlement_that_cannot_be_frees_what_was_set_aside(controller: CostController) -> None:
    """Neither a cost below nothing nor one without a model is put on record."""
    controller.set_user_budget("anna", daily_usd=1.0)
    for cost, model in ((-1.0, "gpt-4o"), (math.nan, "gpt-4o"), (0.5, None)):
        with pytest.raises(InvalidInputError), controller.reserve("anna", 0.5) as held:
            held.settle(cost, model)
    assert figures(controller.get_user_budget("anna")) == {"daily": (1.0, 0.0, 0.0)}
    assert controller.export_records() == []


@pytest.mark.parametrize("path", ["", ":memory:", "postgresql://host/name", None])
def test_storage_is_a_file(path: Any) -> None:
    """What is no path of one is refused when it is given."""
    with pytest.raises(ConfigurationError) as caught:
        SQLiteStorage(path)
    assert caught.value.remedy


def test_a_place_that_is_no_database_is_an_error_of_the_tree(home: House, tmp_path: Path) -> None:
    """A folder in the file's place, or a file that holds something else."""
    del home
    (tmp_path / "text.db").write_text("not a database, but long enough to be taken for one" * 40)
    for path in (tmp_path, tmp_path / "text.db"):
        with pytest.raises(ConduitError):
            CostController(SQLiteStorage(path)).get_budgets()
