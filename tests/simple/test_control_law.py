"""A law of cost control: whatever threads do at once, a budget holds and the books are exact."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit import CostController, SQLiteStorage
from conduit.core.budgets import NANO, nanos
from conduit.core.errors import BudgetExceededError, ReservationTimeoutError
from tests.simple.control_house import own_house

CAP = 1_000
"""Nanodollars: so few that every one counts."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a thread does next.

    Args:
        kind: ``settle`` and ``release`` what was reserved, ``fail`` while it is, or ``record``.
        amount: nanodollars that are reserved, or recorded.
        share: of the reserved ones that are settled, in percent.
    """

    kind: str
    amount: int
    share: int


STEPS = st.builds(
    Step,
    kind=st.sampled_from(["settle", "settle", "release", "fail", "record"]),
    amount=st.integers(0, CAP // 2),
    share=st.integers(0, 100),
)
SCRIPTS = st.lists(st.lists(STEPS, max_size=4), min_size=1, max_size=4)


class Run:
    """Threads that follow scripts on one user's budget.

    Args:
        controller: that keeps it.
    """

    def __init__(self, controller: CostController) -> None:
        self.user = uuid4().hex
        self.controller = controller
        self.settled: list[int] = []
        self.recorded: list[int] = []
        controller.set_user_budget(self.user, monthly_usd=CAP / NANO)

    def follow(self, scripts: list[list[Step]]) -> None:
        """All at once, from the same moment on."""
        start = threading.Barrier(len(scripts))

        def thread(script: list[Step]) -> None:
            start.wait()
            for step in script:
                self.take(step)
                self.check()

        with ThreadPoolExecutor(len(scripts)) as threads:
            list(threads.map(thread, scripts))

    def take(self, step: Step) -> None:
        """One step; a refusal is one, too."""
        if step.kind == "record":
            self.recorded.append(step.amount)  # first: a look at the books may come between
            self.controller.record_cost(self.user, step.amount / NANO, "gpt-4o")
            return
        try:
            with self.controller.reserve(self.user, step.amount / NANO, wait=0.02) as held:
                self.check()
                if step.kind == "fail":
                    raise InterruptedError
                if step.kind == "settle":
                    cost = step.amount * step.share // 100
                    held.settle(cost / NANO, "gpt-4o")
                    self.settled.append(cost)
        except (BudgetExceededError, ReservationTimeoutError, InterruptedError):
            return

    def check(self) -> None:
        """Beyond the cap there is nothing but what was recorded without asking."""
        settled, reserved = self.stand()
        assert settled + reserved <= CAP + sum(self.recorded)

    def stand(self) -> tuple[int, int]:
        """Nanodollars spent and set aside, by the ledger."""
        (spend,) = self.controller.get_user_budget(self.user)
        return nanos(spend.settled, what="a sum"), nanos(spend.reserved, what="a sum")


@pytest.fixture(scope="module")
def controller() -> Iterator[CostController]:
    """On one file for all examples, whose users differ."""
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        tempfile.TemporaryDirectory() as folder,
        own_house(Path(folder), monkeypatch),
    ):
        yield CostController(SQLiteStorage(Path(folder) / "conductor.db"))


@settings(max_examples=25, deadline=None)
@given(scripts=SCRIPTS)
def test_whatever_threads_do_the_cap_holds_and_sums_agree(
    controller: CostController, scripts: list[list[Step]]
) -> None:
    """What is reserved and settled never exceeds the cap, and records are the ledger, exactly."""
    run = Run(controller)
    run.follow(scripts)
    settled, reserved = run.stand()
    assert reserved == 0
    assert settled == sum(run.settled) + sum(run.recorded)
    assert sum(run.settled) <= CAP
    records = controller.export_records("dict", user_id=run.user)
    assert sum(round(float(str(it["cost_usd"])) * NANO) for it in records) == settled
    assert len(records) == len(run.settled) + len(run.recorded)
