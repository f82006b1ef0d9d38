"""What cannot be answered: one clear error each, and nothing is left behind."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from conduit.core.errors import (
    AllModelsFailedError,
    ConduitError,
    ConfigurationError,
    InvalidInputError,
    UnknownModelError,
    UnknownPriceError,
)
from conduit.simple import calls
from conduit.simple.answer import Answer
from conduit.simple.calls import Ask
from conduit.simple.configuration import Configuration, Overrides, configuration
from conduit.simple.house import House

from ..providers import loopback
from .conftest import CHEAP, DEAR, HARD, Models, Place, said

PRICE = {"input": 0.15, "output": 0.60}


def answered(home: House, prompt: str = "What is 2+2?", **given: Any) -> Answer:
    """What ``llm()`` does, in a house of the test's own."""
    api_key = given.pop("api_key", None)
    plan = configuration(home.overrides, api_key=api_key)
    ask = calls.checked(plan, Ask(prompt=prompt, **given))
    return home.background.run(calls.answered(home, plan, ask))


def foreseen(home: House, prompt: str, quality: str = "auto") -> dict[str, str]:
    """What ``llm_dry_run()`` does, likewise."""
    plan = configuration(home.overrides)
    return calls.foreseen(home, plan, Ask(prompt=prompt, quality=quality))


def test_without_a_key_the_variables_are_named(place: Place, home: House) -> None:
    """And the way without one."""
    with pytest.raises(ConfigurationError, match=r"OPENAI_API_KEY.*offline=True.*CONDUIT_OFFLINE"):
        answered(home)
    assert not place.data.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"quality": "best"}, r"quality='best'.*auto, low, high"),
        ({"prompt": ""}, "empty"),
        ({"prompt": " \n\x00"}, "empty"),
        ({"prompt": "x" * 200_000}, r"200,000 bytes"),
        ({"prompt": None}, "must be a string, not NoneType"),
        ({"max_tokens": 0}, "max_tokens=0"),
        ({"max_tokens": 1.5}, "max_tokens=1.5"),
        ({"task_type": ""}, "a task_type without a name"),
        ({"session": ""}, "a session without a name"),
        ({"user_id": ""}, "user_id='' names nobody; give the user's id"),
        ({"user_id": 42}, r"user_id=42 is no text; give a text, such as str\(user_id\)"),
        ({"user_id": b"x"}, r"user_id=b'x' is no text"),
        ({"user_id": ["a"]}, r"user_id=\['a'\] is no text"),
        ({"task_type": 7}, r"task_type cannot be named 7; give a text, such as str\(task_type\)"),
        ({"session": 7}, r"session cannot be named 7; give a text"),
    ],
)
def test_what_is_no_question_is_refused_before_anything_is_opened(
    offline: Place, home: House, given: dict[str, Any], said: str
) -> None:
    """One line that names the value; no database is made."""
    with pytest.raises(InvalidInputError, match=said):
        answered(home, **given)
    assert not offline.data.exists()


def test_one_key_for_two_providers_is_refused(place: Place, home: House) -> None:
    """Nobody can tell whose it is; the error names both, and not the key."""
    home.overrides = home.overrides.named(cheap=CHEAP, quality="anthropic/claude-sonnet-4-5")
    with pytest.raises(ConfigurationError, match="openai and anthropic") as refused:
        answered(home, api_key="sk-secret")
    assert "sk-secret" not in str(refused.value)


def test_an_unknown_model_is_refused_by_the_call(offline: Place, home: House) -> None:
    """With those there are."""
    home.overrides = home.overrides.named(cheap="gpt-99")
    with pytest.raises(UnknownModelError, match=r"'gpt-99'; choose one of: "):
        answered(home)


def test_a_model_without_a_price_is_refused(
    models: Models, home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never priced by guess, and not called."""
    monkeypatch.delenv("CONDUIT_PRICING_JSON")
    with pytest.raises(UnknownPriceError, match=CHEAP):
        answered(home)
    assert models.models == []


@pytest.mark.parametrize(
    "pricing",
    [
        {CHEAP: {"input": 0.15}},
        {CHEAP: {"input": -0.15, "output": 0.60}},
        {CHEAP: {"input": "dear", "output": 0.60}},
        {CHEAP: 0.15},
        {CHEAP: {"input": float("nan"), "output": 0.60}},
        {DEAR: PRICE, CHEAP: {"output": 0.60}},
        CHEAP,
    ],
)
def test_a_price_that_cannot_be_changes_nothing(pricing: dict[str, Any]) -> None:
    """The error names the model; what was set before still holds."""
    before = Overrides().priced({CHEAP: PRICE})
    with pytest.raises(ConfigurationError, match=CHEAP):
        before.priced(pricing)
    assert before == Overrides().priced({CHEAP: PRICE})


@pytest.mark.parametrize("model", ["", 7, ["gpt-4o"]])
def test_what_is_no_model_changes_nothing(model: Any) -> None:
    """The error names the role and what it was given."""
    with pytest.raises(ConfigurationError, match="'cheap' to "):
        Overrides().named(cheap=model)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PRICING_JSON", "{"),
        ("PRICING_JSON", "[1]"),
        ("PRICING_JSON", '{"gpt-4o": {"input": 1}}'),
        ("PRICING_JSON", '{"gpt-4o": {"input": -1, "output": 2}}'),
        ("MODELS_JSON", "{"),
        ("MODELS_JSON", '"gpt-4o"'),
        ("MODELS_JSON", '{"cheapest": "gpt-4o"}'),
        ("MODELS_JSON", '{"cheap": 7}'),
    ],
)
@pytest.mark.parametrize("prefix", ["CONDUIT_", "CONDUCTOR_"])
def test_variables_that_cannot_be_read_are_named(
    offline: Place,
    home: House,
    monkeypatch: pytest.MonkeyPatch,
    prefix: str,
    name: str,
    value: str,
) -> None:
    """Under either name, before anything is opened."""
    monkeypatch.setenv(prefix + name, value)
    with pytest.raises(ConduitError, match=name):
        answered(home)
    assert not offline.data.exists()


def test_a_provider_that_cannot_be_reached_costs_nothing(
    models: Models, place: Place, home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One error that names every model asked; nothing stays set aside, nothing is booked."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{unused.getsockname()[1]}/v1")
        limited(home)
        with pytest.raises(AllModelsFailedError, match=rf"{CHEAP} failed \(connection\)"):
            answered(home, user_id="anna")
    home.close()
    assert place.rows("select sum(settled), sum(reserved) from spend", offline=False) == [(0, 0)]
    assert place.rows("select count(*) from costs", offline=False) == [(0,)]


def test_what_failed_and_was_billed_is_booked_once(
    models: Models, place: Place, home: House
) -> None:
    """Every failed attempt has one record, and its budget has the same sum."""
    models.answer(loopback.Answer(body=said("")))
    limited(home)
    with pytest.raises(AllModelsFailedError):
        answered(home, user_id="anna")
    home.close()
    ((booked, records),) = place.rows("select sum(cost), count(*) from costs", offline=False)
    assert records == len(models.models)
    assert place.rows("select settled, reserved from spend", offline=False) == [(booked, 0)]


def limited(home: House) -> None:
    """Give anna a dollar a day."""
    from conduit.core.budgets import Period, Scope, ScopeKind, Window

    async def limit(plan: Configuration) -> None:
        async with home.lent(plan) as router:
            ledger = await router.ledger()
            anna = Scope(ScopeKind.USER, "anna")
            await ledger.set_budget(anna, Window(Period.DAILY), 1.0, actor="test")

    home.background.run(limit(configuration(home.overrides)))


@pytest.mark.parametrize("quality", ["auto", "low", "high"])
@pytest.mark.parametrize("prompt", ["What is 2+2?", "Prove it.\n" * 400])
def test_a_dry_run_agrees_with_the_next_call(
    offline: Place, home: House, prompt: str, quality: str
) -> None:
    """Model and reason; it leaves no decision, no cost and no evidence."""
    foretold = foreseen(home, prompt, quality)
    assert foretold == foreseen(home, prompt, quality)
    assert set(foretold) == {"model", "reason"}
    assert foretold["reason"]
    assert answered(home, prompt, quality=quality).model == foretold["model"]
    home.close()
    assert offline.rows("select count(*) from decisions") == [(1,)]


def test_a_dry_run_needs_no_key_and_agrees_with_the_next_call(
    models: Models, home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It calls nobody; once there is a key, the call does what was foretold."""
    monkeypatch.setattr(calls, "house", lambda: home)
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    foretold = [calls.llm_dry_run(Ask(prompt=prompt)) for prompt in ("What is 2+2?", HARD)]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0001")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{models.server.url}/v1")
    done = [calls.llm(Ask(prompt=prompt)).model for prompt in ("What is 2+2?", HARD)]
    assert [it["model"] for it in foretold] == done


@pytest.mark.parametrize("rating", [0, 5.01, -1, float("nan")])
def test_a_rating_out_of_range_is_refused(offline: Place, home: House, rating: float) -> None:
    """It is 1 to 5."""
    answer = answered(home)
    with pytest.raises(InvalidInputError, match="rating"):
        answer.rate(rating)
