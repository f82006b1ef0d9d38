"""The tree of errors: exit codes, one line, value and remedy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import conduit.core.errors as errors
from conduit.core.errors import ConduitError, FailureKind

SAMPLES: dict[type[ConduitError], tuple[ConduitError, str]] = {
    ConduitError: (ConduitError("x=3 is odd", remedy="give an even x"), "x=3"),
    errors.InvalidInputError: (errors.InvalidInputError("x=4 is bad", remedy="give x"), "x=4"),
    errors.UnknownModelError: (errors.UnknownModelError("gpt-9", known=["a", "b"]), "'gpt-9'"),
    errors.UnknownPolicyError: (errors.UnknownPolicyError("tomson", known=["a"]), "'tomson'"),
    errors.UnknownDecisionError: (errors.UnknownDecisionError("d-1"), "'d-1'"),
    errors.UnknownPriceError: (errors.UnknownPriceError("m-1", served_at="host:1"), "'m-1'"),
    errors.NoAffordableModelError: (
        errors.NoAffordableModelError(0.001, cheapest="mini", cost=0.002),
        "max_cost=$0.001",
    ),
    errors.ConfigurationError: (errors.ConfigurationError("no key", remedy="set it"), "no key"),
    errors.StoreError: (errors.StoreError("disk full", remedy="make room"), "disk full"),
    errors.SchemaVersionError: (errors.SchemaVersionError("v9", remedy="upgrade"), "v9"),
    errors.LayoutMismatchError: (errors.LayoutMismatchError("384", remedy="switch"), "384"),
    errors.CacheError: (errors.CacheError("no answer from :6379", remedy="start it"), ":6379"),
    errors.BudgetExceededError: (
        errors.BudgetExceededError(
            "daily budget of user 'anna'",
            scope="user:anna",
            window="daily",
            limit=1.0,
            spent=0.98,
            requested=0.05,
            resets_at=1_763_769_600.0,
        ),
        "$0.98",
    ),
    errors.ReservationTimeoutError: (
        errors.ReservationTimeoutError(
            "daily budget of user 'anna'",
            scope="user:anna",
            window="daily",
            limit=1.0,
            spent=0.5,
            reserved=0.48,
            requested=0.05,
            waited=30.0,
            resets_at=1_763_769_600.0,
        ),
        "$0.48",
    ),
    errors.EvaluationRefusedError: (
        errors.EvaluationRefusedError("12 effective rows", remedy="log more"),
        "12 effective",
    ),
    errors.ExecutionError: (errors.ExecutionError("no answer", remedy="try again"), "no answer"),
    errors.ProviderError: (
        errors.ProviderError(FailureKind.TIMEOUT, model="m-2", detail="after 60 s"),
        "m-2 failed (timeout): after 60 s",
    ),
    errors.AllModelsFailedError: (
        errors.AllModelsFailedError([errors.ProviderError(FailureKind.SERVER, model="m-3")]),
        "m-3 failed (server)",
    ),
    errors.UnusableAnswerError: (
        errors.UnusableAnswerError("a.json: no JSON", remedy="ask for JSON alone"),
        "a.json",
    ),
}
NO_REMEDY = {errors.ProviderError}
"""One call that failed: the fallback chain is the remedy, and AllModelsFailedError names one."""


def tree(root: type[ConduitError] = ConduitError) -> Iterator[type[ConduitError]]:
    """Every error class that the module defines."""
    if root.__module__ == errors.__name__:
        yield root
    for child in root.__subclasses__():
        yield from tree(child)


EVERY = sorted(set(tree()), key=lambda kind: kind.__name__)


def test_every_class_has_a_sample_here() -> None:
    """The laws below are checked for each class of the tree, none forgotten."""
    assert set(EVERY) == set(SAMPLES)


def test_the_drawing_shows_every_class_below_its_parent() -> None:
    """The docstring's tree names every class once, indented as far as it is derived."""
    drawn = [line for line in (errors.__doc__ or "").splitlines() if "Error" in line]
    depth_of = {}
    for line in drawn:
        name = line.strip("│├└─ ").split()[0]
        if name.endswith("Error"):
            depth_of[name] = (len(line) - len(line.lstrip("│├└─ ")) - 4) // 4
    for kind in EVERY:
        ancestors = [base for base in kind.__mro__[1:] if issubclass(base, ConduitError)]
        assert depth_of.pop(kind.__name__) == len(ancestors)
    assert not depth_of


@pytest.mark.parametrize("kind", EVERY)
def test_a_message_is_one_line_that_names_the_value_and_the_remedy(kind: type) -> None:
    """What is wrong comes first, then what to do about it."""
    error, value = SAMPLES[kind]
    assert value in error.problem
    assert str(error).startswith(error.problem)
    assert len(str(error).splitlines()) == 1
    if kind not in NO_REMEDY:
        assert error.remedy
        assert str(error) == f"{error.problem}; {error.remedy}"


@pytest.mark.parametrize("kind", EVERY)
def test_exit_codes_are_those_of_the_drawing(kind: type[ConduitError]) -> None:
    """Bad input, settings and stores exit with 2; failed executions and refused questions with 1."""
    usage = (errors.InvalidInputError, errors.ConfigurationError, errors.StoreError)
    assert SAMPLES[kind][0].exit_code == (2 if issubclass(kind, usage) else 1)


def test_bad_input_is_a_value_error_too() -> None:
    """Code that knows nothing of Conduit can catch ValueError."""
    assert issubclass(errors.InvalidInputError, ValueError)
    assert not issubclass(errors.StoreError, ValueError)


@pytest.mark.parametrize(
    "text", ["two\nlines", "a\r\n\r\nb", "tab\x0bfeed\x0c", "nel\x85\u2028end"]
)
def test_what_a_provider_says_stays_on_one_line(text: str) -> None:
    """However many lines an answer has, the message has one, and keeps the words."""
    one = errors.ProviderError(FailureKind.SERVER, model="m", detail=text)
    for error in (one, errors.AllModelsFailedError([one, one]), ConduitError(text, remedy=text)):
        assert len(str(error).splitlines()) == 1
        assert text.split(maxsplit=1)[0] in str(error)
        assert text.rsplit(maxsplit=1)[-1] in str(error)
    assert one.detail == text


def test_no_remedy_leaves_the_problem_alone() -> None:
    """Without a remedy the message is the problem."""
    assert str(ConduitError("it broke")) == "it broke"


def test_the_cheapest_model_and_its_price_are_named() -> None:
    """Who cannot afford any model learns what the cheapest would cost."""
    error = errors.NoAffordableModelError(0.0, cheapest="mini", cost=0.00021)
    for part in ("max_cost=$0", "'mini'", "$0.00021"):
        assert part in str(error)


def test_a_budget_that_is_spent_says_when_money_comes_back() -> None:
    """The moment is said in UTC; a budget that is never renewed promises nothing."""
    error, _ = SAMPLES[errors.BudgetExceededError]
    assert "wait until 2025-11-22 00:00 UTC" in error.remedy
    never = errors.BudgetExceededError(
        "total", scope="session:1", window="total", limit=1, spent=1, requested=0.1, resets_at=None
    )
    assert "wait" not in never.remedy


def test_long_lists_are_cut_and_counted() -> None:
    """Of a thousand known models twelve are shown, in order, with their number."""
    known = [f"model-{n:04}" for n in range(1000)]
    message = str(errors.UnknownModelError("x", known=known[::-1]))
    assert "model-0000, model-0001" in message
    assert "model-0012" not in message
    assert "(1000 in all)" in message


def test_a_price_unknown_at_another_address_names_the_address() -> None:
    """A local server has no list price, and the message says where the model is served."""
    assert "served at host:1" in str(errors.UnknownPriceError("m", served_at="host:1"))
    assert "served at" not in str(errors.UnknownPriceError("m"))


def test_provider_errors_keep_what_the_provider_said() -> None:
    """Kind, status, waiting time and billed tokens are there to be read."""
    error = errors.ProviderError(
        FailureKind.RATE_LIMIT,
        model="m",
        retry_after=2.5,
        status=429,
        input_tokens=10,
        output_tokens=0,
    )
    assert (error.kind, error.model, error.detail) == (FailureKind.RATE_LIMIT, "m", "")
    assert (error.retry_after, error.status) == (2.5, 429)
    assert (error.input_tokens, error.output_tokens) == (10, 0)


def test_all_failures_are_kept_in_order() -> None:
    """The error of an exhausted chain holds each attempt's."""
    failures = [errors.ProviderError(kind, model=kind.value) for kind in FailureKind]
    error = errors.AllModelsFailedError(failures)
    assert error.failures == tuple(failures)
    assert all(kind.value in str(error) for kind in FailureKind)
