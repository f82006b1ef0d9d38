"""Sessions: what they may cost, what they came to, and what is left of them."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pytest

from conduit.budgets.ledger import Ledger
from conduit.core.errors import (
    AllModelsFailedError,
    BudgetExceededError,
    BudgetWarning,
    InvalidInputError,
    ReservationTimeoutError,
    StoreError,
)
from conduit.simple.house import House
from conduit.simple.sessions.session import Session

from ..providers.loopback import Answer, Received
from .conftest import CHEAP, DEAR, HARD, Models, Place, said

SUM = "select coalesce(sum(cost), 0) from costs where session = '{}'"
CHEAP_CALL = (11 * 0.15 + 7 * 0.60) / 1e6
DEAR_CALL = (11 * 2.50 + 7 * 10.00) / 1e6


def booked(place: Place, session: Session, *, offline: bool = True) -> float:
    """USD that the books hold for a session."""
    return place.rows(SUM.format(session.id), offline=offline)[0][0] / 1e9


def test_the_totals_are_those_of_the_ledger(offline: Place, home: House) -> None:
    """Cost, baseline, saving and share come from the books, within the session and afterwards."""
    with Session(home, budget_usd=0.01) as s:
        first = s.llm("What is 2+2?", quality="low")
        assert s.total_cost == pytest.approx(first.cost, abs=1e-9)
        second = s.llm("What is 2+2?", quality="high")
    assert s.total_cost == pytest.approx(booked(offline, s), abs=1e-12)
    assert s.total_cost == pytest.approx(first.cost + second.cost, abs=2e-9)
    assert s.baseline_cost == pytest.approx(first.baseline_cost + second.baseline_cost, abs=2e-9)
    assert s.total_saved == pytest.approx(s.baseline_cost - s.total_cost)
    assert s.savings_pct == pytest.approx(100 * s.total_saved / s.baseline_cost)
    assert s.budget_remaining == pytest.approx(0.01 - s.total_cost)
    assert s.budget_utilization == pytest.approx(s.total_cost / 0.01)
    assert [(it.number, it.model) for it in s.steps] == [(1, CHEAP), (2, DEAR)]
    assert [it.response.text for it in s.steps] == [first.text, second.text]
    stats = s.get_stats()
    assert stats["total_cost"] == s.total_cost
    assert (stats["steps"], stats["calls"]) == (2, 2)


def test_a_report_can_be_read_in_a_terminal(offline: Place, home: House) -> None:
    """A line for each step with its model, tokens, cost and saving, then the totals; 80 columns."""
    with Session(home, budget_usd=0.01) as s:
        s.llm("What is 2+2?", quality="low")
        s.llm("What is 2+2?", quality="high")
    head, _, first, second, _, total, baseline, budget = s.get_report().splitlines()
    assert head.split() == ["step", "model", "tokens", "in", "out", "cost", "saved"]
    assert first.split()[:2] == ["1", CHEAP]
    assert second.split()[:2] == ["2", DEAR]
    assert f"${s.total_cost:.6f}" in total
    assert f"${s.total_saved:.6f}" in total
    assert f"{s.savings_pct:.1f}%" in baseline
    assert "$0.010000" in budget
    assert max(map(len, s.get_report().splitlines())) <= 80


def test_an_empty_session_has_come_to_nothing(offline: Place, home: House) -> None:
    """Without a call all totals are 0; without a budget nothing of it remains to be told."""
    with Session(home) as s:
        pass
    assert (s.total_cost, s.total_saved, s.baseline_cost, s.savings_pct) == (0, 0, 0, 0)
    assert (s.budget_remaining, s.budget_utilization, s.steps) == (None, None, ())
    assert "total" in s.get_report()


def test_what_failed_calls_did_cost_is_counted(models: Models, place: Place, home: House) -> None:
    """A call that answers nothing and is billed raises; the session's total and report have it."""
    models.answer(Answer(body=said("")))
    session = Session(home, budget_usd=1.0, budget_strategy="strict")
    with session as s, pytest.raises(AllModelsFailedError):
        s.llm("What is 2+2?", quality="low")
    assert s.steps == ()
    assert s.total_cost == booked(place, s, offline=False) > 0
    assert s.baseline_cost == 0
    assert f"others{s.total_cost:>16,.6f}".split()[0] in s.get_report()


@pytest.mark.parametrize("strategy", ["strict", "adaptive"])
def test_a_held_budget_is_never_exceeded_by_32_threads(
    models: Models, place: Place, home: House, strategy: str
) -> None:
    """Of calls at 50 ms and a cent each, as many are answered as 20 cents pay for, and no more."""
    priced = said(given=11, made=16_000)
    models.answer(Answer(body=priced, delay=0.05))
    gathered = threading.Barrier(32)

    def asked(s: Session) -> int:
        gathered.wait()
        try:
            s.llm("What is 2+2?", max_tokens=16_000)
        except (BudgetExceededError, ReservationTimeoutError):
            return 0
        return 1

    with (
        Session(home, budget_usd=0.2, budget_strategy=strategy) as s,
        ThreadPoolExecutor(32) as threads,
    ):
        answered = sum(threads.map(asked, [s] * 32))
    cost = (11 * 0.15 + 16_000 * 0.60) / 1e6
    assert booked(place, s, offline=False) == pytest.approx(answered * cost, abs=1e-9)
    assert booked(place, s, offline=False) <= 0.2
    assert answered == int(0.2 / cost)


def test_strict_refuses_with_the_one_error_once_the_money_is_spent(
    models: Models, place: Place, home: House
) -> None:
    """The error names the session's budget, and nothing was sent for the refused call."""
    with Session(home, budget_usd=0.0003, budget_strategy="strict") as s:
        s.llm("What is 2+2?", quality="low", max_tokens=100)
        asked = len(models.models)
        with pytest.raises(BudgetExceededError, match=f"session '{s.id}' is \\$0.0003") as refused:
            s.llm("What is 2+2?", quality="high", max_tokens=1000)
        assert refused.value.resets_at is None
        assert len(models.models) == asked
    assert s.total_cost == pytest.approx(CHEAP_CALL, abs=1e-9)


def test_adaptive_goes_over_to_the_cheaper_model_in_good_time(models: Models, home: House) -> None:
    """The dearer model serves while a call's upper estimate is a tenth of what is left, not after."""
    models.answer(Answer(body=said(made=900)))
    with Session(home, budget_usd=0.30, budget_strategy="adaptive") as s:
        served, left = [], []
        while len(served) < 12:
            left.append(s.budget_remaining or 0.0)
            served.append(s.llm(HARD, max_tokens=900).model)
        high = (11 * 2.50 + 900 * 10.00) / 1e6
        upper = ((len(HARD.encode()) + 64) * 2.50 + 900 * 10.00) / 1e6
        assert served == [DEAR if upper <= money / 10 else CHEAP for money in left]
        assert {DEAR, CHEAP} == set(served)
        assert s.llm("What is 2+2?", quality="high", max_tokens=900).model == DEAR
    assert s.total_cost <= 0.30
    assert high < upper


def test_adaptive_honours_high_while_it_fits(models: Models, home: House) -> None:
    """quality="high" gets the dearer model to the end, and then the one error."""
    with Session(home, budget_usd=0.012, budget_strategy="adaptive") as s:
        assert s.llm("Why?", quality="high").model == DEAR
        with pytest.raises(BudgetExceededError):
            {s.llm("Why?", quality="high").model for _ in range(99)}
        assert {it.model for it in s.steps} == {DEAR}
        assert s.llm("Why?").model == CHEAP
    assert s.total_cost <= 0.012


def test_warn_warns_twice_and_refuses_nothing(
    models: Models, home: House, caplog: pytest.LogCaptureFixture
) -> None:
    """At 80% and when more was spent, once each, in the log and as warnings of the caller's line."""
    with (
        Session(home, budget_usd=5 * CHEAP_CALL) as s,
        warnings.catch_warnings(record=True) as caught,
        caplog.at_level(logging.WARNING, logger="conduit.simple"),
    ):
        warnings.simplefilter("always")
        seen = []
        for _ in range(8):
            s.llm("What is 2+2?", quality="low")
            seen.append(len(caught))
    assert seen == [0, 0, 0, 1, 1, 2, 2, 2]
    assert {it.category for it in caught} == {BudgetWarning}
    assert {it.filename for it in caught} == {__file__}
    assert "80%" in str(caught[0].message)
    assert "more than its budget" in str(caught[1].message)
    assert [it.getMessage() for it in caplog.records] == [str(it.message) for it in caught]
    assert s.budget_remaining == 0
    assert s.budget_utilization == pytest.approx(8 / 5, rel=1e-3)


def test_warn_says_only_what_is_true_where_one_call_passes_both_marks(
    models: Models, home: House
) -> None:
    """A budget that the first call exceeds is said to be exceeded, once."""
    with Session(home, budget_usd=0.0) as s, pytest.warns(BudgetWarning) as caught:
        [s.llm("What is 2+2?", quality="low") for _ in range(2)]
    assert len(caught) == 1
    assert s.budget_utilization == 1.0


@pytest.mark.parametrize("strategy", ["strict", "adaptive"])
@pytest.mark.parametrize("quality", ["auto", "low", "high"])
def test_a_budget_of_nothing_refuses_the_first_call(
    models: Models, home: House, strategy: str, quality: str
) -> None:
    """Nothing is sent."""
    session = Session(home, budget_usd=0, budget_strategy=strategy)
    with session as s, pytest.raises(BudgetExceededError):
        s.llm("What is 2+2?", quality=quality)
    assert models.models == []


@pytest.mark.parametrize("budget", [-1, -1e-12, float("nan"), float("inf"), "1", True])
def test_a_budget_that_cannot_be_is_refused(offline: Place, home: House, budget: Any) -> None:
    """One line that names it, before anything begins."""
    with pytest.raises(InvalidInputError, match="budget"):
        Session(home, budget_usd=budget, budget_strategy="strict")


@pytest.mark.parametrize("user", [42, b"anna", ["anna"], ""])
def test_a_user_that_is_no_text_is_refused(offline: Place, home: House, user: Any) -> None:
    """A number would pass by the budget of the text that spells it."""
    with pytest.raises(InvalidInputError, match="user"):
        Session(home, user_id=user)


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Books that are written, and cannot be read."""

    async def report(*_: object) -> NoReturn:
        raise StoreError("the store is away")

    monkeypatch.setattr(Ledger, "report", report)


@pytest.mark.usefixtures("unread")
def test_a_paid_answer_is_given_though_the_books_cannot_be_read(
    models: Models, place: Place, home: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether a warning is due is not worth the answer: it is logged, and the call is on record."""
    with Session(home, budget_usd=1.0) as s:
        answer = s.llm("What is 2+2?", quality="low")
    assert answer.text == "Four."
    assert booked(place, s, offline=False) == pytest.approx(answer.cost)
    assert "the store is away" in caplog.text


@pytest.mark.usefixtures("unread")
def test_a_failed_call_tells_its_own_error_though_the_books_cannot_be_read(
    models: Models, home: House
) -> None:
    """What the caller has to know is why nobody answered."""
    models.answer(Answer(body=said("")))
    with Session(home, budget_usd=1.0) as s, pytest.raises(AllModelsFailedError):
        s.llm("What is 2+2?", quality="low")


def test_an_unknown_strategy_is_refused_with_those_there_are(offline: Place, home: House) -> None:
    """The error lists them."""
    with pytest.raises(InvalidInputError, match=r"'frugal'.*warn, strict, adaptive"):
        Session(home, budget_usd=1.0, budget_strategy="frugal")


@pytest.mark.parametrize("strategy", ["strict", "adaptive"])
def test_a_budget_ends_with_its_session_and_the_records_stay(
    offline: Place, home: House, strategy: str
) -> None:
    """Also when it ends with an exception, which goes on its way."""
    s = Session(home, budget_usd=1.0, budget_strategy=strategy)

    def work() -> None:
        with s:
            assert offline.rows("select scope from budgets") == [(f"session:{s.id}",)]
            s.llm("What is 2+2?")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert offline.rows("select scope from budgets") == []
    assert booked(offline, s) == s.total_cost > 0


def test_a_call_under_way_keeps_the_limit_until_it_ends(
    models: Models, place: Place, home: House
) -> None:
    """A session that ends meanwhile is left at once; the budget goes when the call does, booked."""
    models.answer(Answer(body=said(), gate=models.gate))
    with ThreadPoolExecutor(1) as threads:
        with Session(home, budget_usd=1.0, budget_strategy="strict") as s:
            answer = threads.submit(s.llm, "What is 2+2?", quality="low")
            models.wait_for(models.server.asked)
        assert place.rows("select scope from budgets", offline=False) == [(f"session:{s.id}",)]
        models.open_gate()
        assert answer.result().text == "Four."
    assert place.rows("select scope from budgets", offline=False) == []
    assert s.total_cost == pytest.approx(CHEAP_CALL, abs=1e-9)


def test_calls_outside_of_a_session_are_refused(offline: Place, home: House) -> None:
    """Before it began, after it ended, and when it is to begin a second time."""
    s = Session(home)
    with pytest.raises(InvalidInputError, match="has not begun"):
        s.llm("What is 2+2?")
    with s:
        s.llm("What is 2+2?")
        with pytest.raises(InvalidInputError, match="is under way"), s:
            pass
    for late in (lambda: s.llm("What is 2+2?"), s.__enter__):
        with pytest.raises(InvalidInputError, match="has ended"):
            late()
    assert len(s.steps) == 1


def test_nested_sessions_are_independent(offline: Place, home: House) -> None:
    """What the inner one spends is no matter of the outer one, and its end does not end that."""
    with Session(home, budget_usd=1.0, budget_strategy="strict") as outer:
        outer.llm("One")
        limited = Session(home, budget_usd=0.0, budget_strategy="strict")
        with limited as inner, pytest.raises(BudgetExceededError):
            inner.llm("Two")
        outer.llm("Three")
    assert len(outer.steps) == 2
    assert inner.total_cost == 0
    assert outer.total_cost == booked(offline, outer) > 0


def test_concurrent_sessions_count_apart(offline: Place, home: House) -> None:
    """Sixteen at once, each to the nanodollar as if it were alone."""

    def one(calls: int) -> float:
        with Session(home, budget_usd=1.0, budget_strategy="strict") as s:
            costs = [s.llm("What is 2+2?", quality="low").cost for _ in range(calls)]
        assert s.total_cost == pytest.approx(sum(costs), abs=1e-9 * calls)
        assert len(s.steps) == calls
        return s.total_cost / calls

    with ThreadPoolExecutor(16) as threads:
        assert len({round(it, 9) for it in threads.map(one, [1, 2, 3, 4] * 4)}) == 1


async def test_a_session_serves_a_running_loop(offline: Place, home: House) -> None:
    """With ``async with`` and ``await``, and with the plain forms in the same loop."""
    async with Session(home, budget_usd=1.0, budget_strategy="strict") as s:
        answers = await asyncio.gather(*(s.allm(f"What is {it}+2?") for it in range(8)))
        plain = s.llm("What is 2+2?")
    assert s.total_cost == pytest.approx(sum(it.cost for it in (*answers, plain)), abs=1e-8)
    assert offline.rows("select scope from budgets") == []
    with pytest.raises(InvalidInputError, match="has ended"):
        await s.allm("What is 2+2?")


async def test_a_cancelled_call_hangs_up_and_frees_its_money(
    models: Models, place: Place, home: House
) -> None:
    """The provider sees the end of the connection, and nothing stays set aside."""
    models.answer(Answer(body=said(), gate=models.gate))
    async with Session(home, budget_usd=1.0, budget_strategy="strict") as s:
        call = asyncio.create_task(s.allm("What is 2+2?", quality="low"))
        await asyncio.to_thread(models.wait_for, models.server.asked)
        assert place.rows("select sum(reserved) > 0 from spend", offline=False) == [(1,)]
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.to_thread(models.wait_for, models.server.hung_up)
        assert s.budget_remaining == pytest.approx(1.0 - s.total_cost)
        assert place.rows("select sum(reserved) from spend", offline=False) == [(0,)]


async def test_a_session_that_is_cancelled_leaves_no_budget(offline: Place, home: House) -> None:
    """Whoever cancels the task inside, or at its end, finds the books as they were."""
    begun = asyncio.Event()

    async def work() -> None:
        async with Session(home, budget_usd=1.0, budget_strategy="strict"):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await home.background.awaited(asyncio.sleep(0))
    with Session(home) as other:
        assert other.total_cost == 0
    assert offline.rows("select scope from budgets") == []


def graded(received: Received) -> Answer:
    """A model that grades as it is asked."""
    token = received.body["messages"][-1]["content"].partition("\n")[0]
    return Answer(body=said(json.dumps({"token": token, "score": 7, "reasoning": "many steps"})))


def test_judging_a_prompt_is_paid_by_the_session(models: Models, place: Place, home: House) -> None:
    """It is in the total, saves nothing, is no step, and is refused once the session has ended."""
    models.answer(graded)
    with Session(home, user_id="anna") as s:
        assert s.smart_classify("Prove it.").raw_score == 7
    assert s.steps == ()
    assert s.total_cost == booked(place, s, offline=False) > 0
    assert s.total_saved == -s.total_cost
    assert place.rows("select user_id, kind from costs", offline=False) == [("anna", "classify")]
    with pytest.raises(InvalidInputError, match="has ended"):
        s.smart_classify("Prove it.")


def test_the_users_budget_pays_too(offline: Place, home: House) -> None:
    """A session on somebody's account is on record under both names."""
    with Session(home, user_id="anna") as s:
        s.llm("What is 2+2?", task_type="sums")
    assert offline.rows("select user_id, session, task_type from costs") == [("anna", s.id, "sums")]
