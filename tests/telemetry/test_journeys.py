"""Journeys: what the events of one query add up to."""

from __future__ import annotations

from conduit.core.clocks import ManualClock
from conduit.core.errors import AllModelsFailedError, BudgetExceededError, FailureKind
from conduit.core.events import Completed, Failed
from conduit.core.requests import request_id
from conduit.telemetry.journey import AttemptKind, Journey, Outcome
from conduit.telemetry.journeys import Journeys
from tests.telemetry.builders import a_response, decided, executed, journeys_of


def test_a_query_is_told_once_with_everything_that_happened() -> None:
    """Arrival, attempts, answer and end are those of the events."""
    (journey,) = journeys_of(decided(), executed(), Completed(a_response()))
    assert (journey.started_at, journey.ended_at) == (99.5, 103.0)
    assert (journey.outcome, journey.model, journey.provider) == ("answered", "mini", "openai")
    assert journey.cost == 0.001
    assert journey.attempts[0].ended_at == 101.5
    assert journey.overhead == 3.0


def test_attempts_are_named_by_what_went_before() -> None:
    """The same model after a failure is a retry, another a fallback, any after an answer goes on."""
    events = (
        executed(1, failure=FailureKind.SERVER),
        executed(2, failure=FailureKind.SERVER),
        executed(3, arm="flash", finish_reason="length"),
        executed(4, arm="flash"),
    )
    (journey,) = journeys_of(decided(), *events, Completed(a_response(model="flash")))
    assert [attempt.kind for attempt in journey.attempts] == [
        AttemptKind.FIRST,
        AttemptKind.RETRY,
        AttemptKind.FALLBACK,
        AttemptKind.CONTINUATION,
    ]


def test_a_query_decided_again_is_one_journey() -> None:
    """A second decision goes on with the first one's attempts and arrival."""
    again = decided("d2", attempt=2, selected_model="flash", created_at=102.0)
    (journey,) = journeys_of(
        decided(),
        executed(1, failure=FailureKind.TIMEOUT),
        again,
        executed(2, decision="d2", arm="flash"),
        Completed(a_response("d2", model="flash")),
    )
    assert [it.execution.arm for it in journey.attempts] == ["mini", "flash"]
    assert (journey.started_at, journey.decision_id) == (99.5, "d2")


def test_how_a_query_ended_is_told_from_its_error() -> None:
    """No error means that the caller went away, and want of money is a refusal."""
    money = BudgetExceededError(
        "daily budget of user 'a'", scope="user:a", window="daily", limit=1, spent=1, requested=1,
        resets_at=None,
    )  # fmt: skip
    errors = (None, money, AllModelsFailedError([]))
    ends = [journeys_of(decided(), Failed("d1", error))[0].outcome for error in errors]
    assert ends == [Outcome.CANCELLED, Outcome.REFUSED, Outcome.FAILED]
    (cached,) = journeys_of(decided(), Completed(a_response(cached=True)))
    assert cached.outcome is Outcome.CACHED


def test_failed_queries_still_cost_what_their_attempts_did() -> None:
    """Money that was paid without an answer is told."""
    (journey,) = journeys_of(
        decided(), executed(failure=FailureKind.EMPTY, cost=0.25), Failed("d1", None)
    )
    assert journey.cost == 0.25


def test_an_attempt_that_nobody_timed_ended_when_it_was_announced() -> None:
    """Failures carry no latency; the clock says when they were over."""
    (journey,) = journeys_of(
        decided(), executed(failure=FailureKind.SERVER, latency=None), Failed("d1", None), at=107.0
    )
    assert journey.attempts[0].ended_at == 107.0


def test_an_answer_that_is_repeated_ends_no_query_but_its_own() -> None:
    """It bears the decision's id of the first, which is told with everything that belongs to it."""
    repeated = Completed(a_response(cached=True, cost=0.0, latency=None))
    again, first = journeys_of(decided(), executed(), repeated, Completed(a_response()))
    assert (again.outcome, again.decision, again.attempts, again.cost) == ("cached", None, (), 0.0)
    assert (first.outcome, len(first.attempts)) == ("answered", 1)


def test_queries_under_way_are_bounded_and_hold_no_text() -> None:
    """Ten thousand queries that were only decided leave the newest ones, without their prompts."""
    told: list[Journey] = []
    journeys = Journeys([told.append], clock=ManualClock(1.0), most=5)
    for number in range(10_000):
        journeys(decided(f"d{number}"))
    assert len(journeys._under_way) == 5
    assert all(it.decided.query is None for it in journeys._under_way.values())
    journeys(Completed(a_response("d3")))
    assert (told[0].decision, told[0].model) == (None, "mini")
    journeys(Completed(a_response("d9999")))
    assert told[1].decision is not None
    assert len(journeys._under_way) == 4


def test_the_request_it_came_in_with_is_told() -> None:
    """A stream may be closed by a task that serves no request; the one that decided says which."""
    told: list[Journey] = []
    journeys = Journeys([told.append], clock=ManualClock(103.0))
    token = request_id.set("r-1")
    try:
        journeys(decided())
    finally:
        request_id.reset(token)
    journeys(Failed("d1", None))
    assert told[0].request == "r-1"
