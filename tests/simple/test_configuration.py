"""Where models and prices come from: the environment, the program, the user's folder, defaults."""

from __future__ import annotations

import json

import pytest

from conduit.core.arms import Price
from conduit.core.errors import ConfigurationError
from conduit.simple.configuration import Configuration, Overrides, configuration

from .conftest import CHEAP, DEAR, PRICES, Models, Place

REGISTRY = """
models:
  - {id: tiny, provider: openai, model: gpt-4o-mini, tier: budget, input_price: 1, output_price: 2}
  - {id: huge, provider: openai, model: gpt-4o, tier: premium, input_price: 10, output_price: 20}
baseline: huge
"""
PRICING = """
tiny: {input_price: 3, output_price: 4}
"""


def prices(plan: Configuration) -> list[tuple[str, Price | None]]:
    return [(arm.id, arm.price) for arm in (plan.cheap, plan.quality)]


def write(place: Place, **files: str) -> None:
    """Put files in the folder that the catalogue looks into."""
    folder = place.folder / "models"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def test_without_anything_there_are_conductors_two(offline: Place) -> None:
    """At their list prices, and savings are measured against the dearer."""
    plan = configuration(Overrides())
    assert prices(plan) == [
        (CHEAP, Price(input=0.15, output=0.60)),
        (DEAR, Price(input=2.50, output=10.00)),
    ]


def test_the_users_registry_and_prices_are_found_in_their_folder(offline: Place) -> None:
    """models/registry.yaml says which models there are, models/pricing.yaml what they cost."""
    write(offline, registry=REGISTRY, pricing=PRICING)
    assert prices(configuration(Overrides())) == [
        ("tiny", Price(input=3, output=4)),
        ("huge", Price(input=10, output=20)),
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"registry": "models: ["}, "registry.yaml"),
        ({"registry": REGISTRY.replace(", output_price: 2}", "}")}, "registry.yaml"),
        ({"pricing": "gpt-4o: {input_price: -1, output_price: 2}"}, "pricing.yaml"),
        ({"pricing": "gpt-4o: {input_price: 1}"}, "pricing.yaml"),
    ],
)
def test_a_mistake_in_these_files_names_the_file(
    offline: Place, files: dict[str, str], said: str
) -> None:
    """Before anything is opened."""
    write(offline, **files)
    with pytest.raises(ConfigurationError, match=said):
        configuration(Overrides())
    assert not offline.data.exists()


def test_a_program_is_stronger_than_files_and_the_environment_than_both(
    offline: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For prices and for models, each in the place of the whole of what is weaker."""
    write(offline, pricing=f"{CHEAP}: {{input_price: 7, output_price: 7}}")
    assert prices(configuration(Overrides()))[0] == (CHEAP, Price(input=7, output=7))
    program = Overrides().priced({CHEAP: {"input": 8, "output": 8}}).named(quality=CHEAP)
    assert prices(configuration(program)) == [(CHEAP, Price(input=8, output=8))] * 2
    monkeypatch.setenv("CONDUCTOR_PRICING_JSON", json.dumps(PRICES))
    monkeypatch.setenv("CONDUCTOR_MODELS_JSON", json.dumps({"cheap": DEAR, "quality": DEAR}))
    assert prices(configuration(program)) == [(DEAR, Price(input=2.5, output=10))] * 2


def test_equal_configurations_share_a_router(offline: Place) -> None:
    """What was said in another order, or twice, is the same."""
    first = Overrides().priced(PRICES).named(cheap=CHEAP)
    second = Overrides().named(cheap=DEAR).named(cheap=CHEAP).priced(PRICES)
    assert configuration(first) == configuration(second)
    assert configuration(first) != configuration(Overrides().priced({}).named(cheap=DEAR))


def test_a_key_that_is_passed_is_not_shown(place: Place) -> None:
    """It is part of what holds, and of no repr."""
    plan = configuration(Overrides(), api_key="sk-secret")
    assert "sk-secret" not in repr(plan)
    assert plan != configuration(Overrides(), api_key="sk-other")


@pytest.mark.parametrize("others", [["ANTHROPIC"], ["GROQ"], ["ANTHROPIC", "GOOGLE", "GROQ"]])
def test_a_key_that_is_passed_goes_to_nobody_elses_models(
    place: Place, monkeypatch: pytest.MonkeyPatch, others: list[str]
) -> None:
    """It is OpenAI's, whose two models are taken whatever other keys there are; those stay as set."""
    for name in others:
        monkeypatch.setenv(f"{name}_API_KEY", f"key-of-{name}")
    plan = configuration(Overrides(), api_key="sk-openai")
    assert plan.models == (CHEAP, DEAR)
    expected = {name.lower(): f"key-of-{name}" for name in others} | {"openai": "sk-openai"}
    assert dict(plan.settings.api_keys) == expected


def test_a_key_that_is_passed_is_of_the_models_that_were_set(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever names another provider's models passes that provider's key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    named = Overrides().named(cheap="claude-haiku-5-5", quality="claude-opus-5-5")
    plan = configuration(named, api_key="sk-anthropic")
    assert dict(plan.settings.api_keys) == {"openai": "sk-openai", "anthropic": "sk-anthropic"}


def test_a_server_at_another_address_is_asked_without_a_key(
    place: Place, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address and prices are enough, whatever other keys there are."""
    del place
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("GROQ_API_KEY", "a-key")
    assert configuration(Overrides()).models == ("gpt-4o-mini", "gpt-4o")
    assert models.models == []
