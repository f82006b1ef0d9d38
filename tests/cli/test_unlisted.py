"""Models that the registry does not list: OpenRouter's, LM Studio's, and those of settings."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .conftest import PRICES, Run, Served

SONNET = "anthropic/claude-3.5-sonnet"


@pytest.fixture
def openrouter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """OpenRouter on loopback, its key the only one, and a price for one of its models."""
    with Served() as served:
        monkeypatch.setenv("OPENROUTER_BASE_URL", served.server.url + "/v1")
        monkeypatch.setenv("OPENROUTER_API_KEY", "the-only-key")
        price = {f"openrouter/{SONNET}": {"input": 6, "output": 30}}
        monkeypatch.setenv("CONDUIT_PRICING_JSON", json.dumps(price))
        yield served


@pytest.fixture
def lmstudio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """LM Studio on loopback, and no key at all."""
    with Served() as served:
        monkeypatch.setenv("CONDUIT_LMSTUDIO_BASE_URL", served.server.url + "/v1")
        yield served


@pytest.mark.parametrize(
    "named",
    [
        ["--provider", "openrouter", "--model", SONNET],
        ["--provider", "OpenRouter", "--model", f"openrouter/{SONNET}"],
        ["--model", f"openrouter/{SONNET}"],
    ],
)
def test_a_model_of_openrouter_is_called_by_its_name(
    conduit: Run, openrouter: Served, named: list[str]
) -> None:
    """Its own name is sent with OpenRouter's key, it costs its price, and nothing is warned of."""
    ran = conduit("run", "hi", *named, "--json")
    assert (ran.code, ran.err) == (0, "")
    (received,) = openrouter.server.requests
    assert received.body["model"] == SONNET
    assert received.headers["authorization"] == "Bearer the-only-key"
    assert (ran.json["provider"], ran.json["model"]) == ("openrouter", f"openrouter/{SONNET}")
    assert ran.json["cost"] == pytest.approx((11 * 6 + 7 * 30) / 1e6)


def test_both_options_reach_a_name_that_another_provider_has_too(
    conduit: Run, openrouter: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """openai/gpt-4o at OpenRouter is OpenRouter's, though the registry has one of that name."""
    price = {"openrouter/openai/gpt-4o": {"input": 1, "output": 1}}
    monkeypatch.setenv("CONDUIT_PRICING_JSON", json.dumps(price))
    ran = conduit("run", "hi", "--provider", "openrouter", "--model", "openai/gpt-4o", "--json")
    assert ran.json["model"] == "openrouter/openai/gpt-4o"
    assert [body["model"] for body in openrouter.bodies] == ["openai/gpt-4o"]


@pytest.mark.parametrize(
    "named",
    [
        ["--provider", "openrouter", "--model", "nobody/knows"],
        ["--model", "openrouter/nobody/knows"],
    ],
)
def test_a_model_that_nobody_priced_is_refused_with_the_remedy(
    conduit: Run, openrouter: Served, named: list[str]
) -> None:
    """Nothing is priced by guess: the line names the model, and where its price is to be given."""
    ran = conduit("run", "hi", *named)
    assert ran.code == 2
    assert "no price is known for model 'openrouter/nobody/knows'" in ran.error
    assert "CONDUIT_PRICING_JSON" in ran.error
    assert openrouter.bodies == []


def test_a_model_that_its_provider_does_not_list_needs_a_price(conduit: Run) -> None:
    """With both options the name is taken as the caller's word; what is missing is its price."""
    ran = conduit("route", "hi", "--provider", "openai", "--model", "ft:mine")
    assert ran.code == 2
    assert "no price is known for model 'openai/ft:mine'" in ran.error


def test_a_key_without_a_model_asks_for_its_name(conduit: Run, openrouter: Served) -> None:
    """Whoever has OpenRouter's key alone is told how to name a model, not to get other keys."""
    ran = conduit("run", "hi")
    assert ran.code == 2
    assert "a key is set for openrouter alone" in ran.error
    assert "name one: --model openrouter/MODEL" in ran.error


@pytest.mark.parametrize("provider", ["openrouter", "lmstudio"])
def test_a_provider_without_models_asks_for_a_name(conduit: Run, provider: str) -> None:
    """--provider alone does not say which of its models is meant."""
    ran = conduit("route", "hi", "--provider", provider)
    assert ran.code == 2
    assert f"name one: --provider {provider} --model MODEL" in ran.error


def test_what_this_machine_serves_costs_nothing(conduit: Run, lmstudio: Served) -> None:
    """LM Studio's model needs neither key nor price, and is called by its name there."""
    ran = conduit("run", "hi", "--provider", "lmstudio", "--model", "qwen/qwen3-8b", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert (ran.json["model"], ran.json["cost"]) == ("lmstudio/qwen/qwen3-8b", 0)
    assert [body["model"] for body in lmstudio.bodies] == ["qwen/qwen3-8b"]


@pytest.mark.parametrize("command", ["run", "route"])
def test_settings_name_the_model_where_no_option_does(
    conduit: Run, openai: Served, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """MODEL_PROVIDER and MODEL_NAME are what --provider and --model are left out for."""
    monkeypatch.setenv("MODEL_PROVIDER", "openai")
    monkeypatch.setenv("MODEL_NAME", "gpt-4o")
    field = {"run": "model", "route": "selected_model"}[command]
    assert conduit(command, "hi", "--json").json[field] == "gpt-4o"
    other = conduit(command, "hi", "--model", "gpt-4o-mini", "--json")
    assert other.json[field] == "gpt-4o-mini"


@pytest.mark.parametrize("command", ["run", "route"])
def test_a_model_of_settings_alone_is_taken_where_it_is_the_provider_s(
    conduit: Run, openai: Served, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """MODEL_NAME without MODEL_PROVIDER is a name at --provider, unless it is another's."""
    monkeypatch.setenv("MODEL_NAME", "gpt-4o")
    field = {"run": "model", "route": "selected_model"}[command]
    assert conduit(command, "hi", "--provider", "OpenAI", "--json").json[field] == "gpt-4o"
    said = conduit("route", "hi", "--provider", "groq", "--json").json
    assert said["selected_model"] in {"gpt-oss-20b", "gpt-oss-120b"}
    monkeypatch.setenv("MODEL_PROVIDER", "auto")
    assert conduit(command, "hi", "--json").json[field] == "gpt-4o"
    assert conduit(command, "hi", "--provider", "openai", "--json").json[field] == "gpt-4o"


def test_another_provider_is_asked_for_its_own_models(
    conduit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MODEL_NAME is a name at MODEL_PROVIDER, and none at the provider of an option."""
    monkeypatch.setenv("MODEL_PROVIDER", "openai")
    monkeypatch.setenv("MODEL_NAME", "gpt-4o")
    said = conduit("route", "hi", "--provider", "groq", "--json").json
    assert said["selected_model"] in {"gpt-oss-20b", "gpt-oss-120b"}


def test_a_local_provider_of_settings_serves_the_model_of_an_option(
    conduit: Run, lmstudio: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MODEL_PROVIDER stands in for --provider where only --model is given."""
    monkeypatch.setenv("MODEL_PROVIDER", "lmstudio")
    ran = conduit("run", "hi", "--model", next(iter(PRICES)), "--json")
    assert ran.json["model"] == f"lmstudio/{next(iter(PRICES))}"
