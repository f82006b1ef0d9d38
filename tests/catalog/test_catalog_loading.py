"""Which models become arms, and what they are measured against."""

import logging
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conduit.catalog import load_catalog
from conduit.catalog.available import available_arms
from conduit.catalog.baseline import dearest, resolve_baseline
from conduit.catalog.registry import read_registry
from conduit.core.arms import Arm, Price
from conduit.core.errors import InvalidInputError, UnknownModelError, UnknownPriceError

SHIPPED = read_registry()
PROVIDERS = sorted({arm.provider for arm in SHIPPED.arms})
IDS = [arm.id for arm in SHIPPED.arms]
LOCAL = "http://localhost:1234/v1"


def ids(arms):
    """Names of arms, in order."""
    return [arm.id for arm in arms]


@given(keys=st.sets(st.sampled_from([*PROVIDERS, "openrouter"])))
def test_arms_are_those_with_a_key(keys):
    """Exactly the models of providers with a key take part; without any, all of them."""
    arms = available_arms(SHIPPED, providers_with_keys=keys)
    expected = [arm.id for arm in SHIPPED.arms if arm.provider in keys]
    assert ids(arms) == (expected or IDS)


@given(names=st.lists(st.sampled_from(IDS), min_size=1, max_size=5), keys=st.booleans())
def test_named_models_are_taken_as_named(names, keys):
    """Names choose arms in their order, once each, keys or not."""
    arms = available_arms(SHIPPED, providers_with_keys=["groq"] if keys else [], models=names)
    assert ids(arms) == list(dict.fromkeys(names))


def test_names_with_a_provider_are_the_same_arms():
    """provider/model and provider:model name the registry's own arm."""
    names = ["openai/gpt-4o", "openai:gpt-4o", "gpt-4o", "groq:openai/gpt-oss-20b"]
    assert ids(load_catalog(models=names).arms) == ["gpt-4o", "gpt-oss-20b"]


@pytest.mark.parametrize("name", ["gpt-9", "", "/gpt-4o", "openai/", "openai/gpt-9", "gpt-5-nano"])
def test_unknown_models_are_refused_with_the_known_ones(name):
    """A name that nothing answers to is an error that lists what there is."""
    with pytest.raises(UnknownModelError, match=r"choose one of: .*gpt-4o-mini") as caught:
        load_catalog(models=["gpt-4o", name])
    assert caught.value.name == name


def test_no_names_at_all_is_an_error():
    """An empty list is no wish for every model."""
    with pytest.raises(InvalidInputError, match="names no model"):
        load_catalog(models=[])


@pytest.mark.parametrize("mark", ["/", ":"])
def test_priced_outsiders_are_admitted_under_their_full_name(mark):
    """A published model outside the registry can be named with its provider."""
    (arm,) = load_catalog(models=[f"openai{mark}gpt-5-nano"]).arms
    assert (arm.id, arm.provider, arm.api_name) == ("openai/gpt-5-nano", "openai", "gpt-5-nano")
    assert arm.price == Price(input=0.05, output=0.40)
    nested = load_catalog(models=[f"openrouter{mark}anthropic/claude-3.5-sonnet"]).arms[0]
    assert (nested.provider, nested.api_name) == ("openrouter", "anthropic/claude-3.5-sonnet")


def test_outsiders_are_admitted_by_a_given_price():
    """A model that no table knows takes part once its price is given."""
    price = {"input": 3, "output": 4}
    (arm,) = load_catalog(models=["openai/new-one"], prices={"openai/new-one": price}).arms
    assert arm.price == Price(input=3, output=4)


def test_a_model_of_this_machine_is_free_unless_a_price_is_given():
    """LM Studio's model here takes part without a key, for nothing or at the price it is given."""
    urls = {"lmstudio": LOCAL}
    (arm,) = load_catalog(models=["lmstudio/qwen"], base_urls=urls).arms
    assert (arm.base_url, arm.price) == (LOCAL, Price(input=0, output=0))
    power = {"lmstudio/qwen": {"input": 0.01, "output": 0.02}}
    (arm,) = load_catalog(models=["lmstudio/qwen"], base_urls=urls, prices=power).arms
    assert arm.price == Price(input=0.01, output=0.02)


@pytest.mark.parametrize(
    ("provider", "url"), [("lmstudio", "http://models.example:1234/v1"), ("openai", LOCAL)]
)
def test_what_somebody_may_bill_needs_a_price(provider, url):
    """Neither another machine's LM Studio nor a proxy on this one is free by guess."""
    with pytest.raises(UnknownPriceError, match=f"'{provider}/qwen' served at "):
        load_catalog(models=[f"{provider}/qwen"], base_urls={provider: url})


def test_any_name_may_be_a_model_of_openrouter():
    """What is missing of a model that OpenRouter passes on is its price, not its place in a list."""
    with pytest.raises(UnknownPriceError, match="'openrouter/nobody/knows'"):
        load_catalog(models=["openrouter/nobody/knows"])


def test_the_price_of_an_unlisted_model_is_no_misspelling(caplog):
    """A price for a model that may be asked for later is not reported as unused."""
    load_catalog(prices={"openrouter/nobody/knows": {"input": 3, "output": 4}})
    assert caplog.messages == []


@pytest.mark.parametrize("provider", ["openai-codex", "claude-code"])
def test_a_tool_is_a_model_and_so_is_what_it_calls(provider):
    """A command-line tool can be named alone, or with any model, and needs neither key nor price."""
    own, named = load_catalog(models=[provider, f"{provider}/a-model"]).arms
    assert (own.id, own.api_name) == (provider, provider)
    assert (named.id, named.provider, named.api_name) == (
        f"{provider}/a-model",
        provider,
        "a-model",
    )


def test_provider_at_another_address_needs_no_key():
    """Models behind OPENAI_BASE_URL take part without a key, and at no list price."""
    arms = available_arms(SHIPPED.at({"openai": LOCAL}), providers_with_keys=[])
    assert {arm.provider for arm in arms} == {"openai"}
    with pytest.raises(UnknownPriceError, match="served at localhost"):
        load_catalog(base_urls={"openai": LOCAL})
    own = available_arms(
        SHIPPED.at({"openai": "https://api.openai.com/v1"}), providers_with_keys=["groq"]
    )
    assert {arm.provider for arm in own} == {"groq"}


@pytest.fixture
def folder(tmp_path):
    """A working folder with its own models/registry.yaml and models/pricing.yaml."""
    (tmp_path / "models").mkdir()
    registry = {
        "baseline": "big",
        "models": [
            {"id": "small", "provider": "openai", "input_price": 1, "output_price": 1},
            {"id": "big", "provider": "nobody", "input_price": 5, "output_price": 5},
            {"id": "huge", "provider": "openai", "input_price": 9, "output_price": 9},
        ],
    }
    (tmp_path / "models" / "registry.yaml").write_text(yaml.safe_dump(registry), encoding="utf-8")
    pricing = {"small": {"input_price": 2, "output_price": 2}}
    (tmp_path / "models" / "pricing.yaml").write_text(yaml.safe_dump(pricing), encoding="utf-8")
    return tmp_path


def test_files_of_the_working_folder_are_found(folder):
    """Registry and prices of the folder are used, and the registry replaces the shipped one."""
    catalog = load_catalog(folder=folder, providers_with_keys=["openai"])
    assert {arm.id: arm.price.input for arm in catalog.arms} == {"small": 2, "huge": 9}
    assert catalog.find("big").price.input == 5


def test_given_paths_and_prices_are_stronger(folder, tmp_path):
    """Prices in code beat the pricing file; a path given beats the folder's file."""
    other = tmp_path / "other.yaml"
    other.write_text("huge: {input: 7, output: 7}", encoding="utf-8")
    catalog = load_catalog(
        folder=folder, pricing=other, prices={"small": {"input": 3, "output": 3}}
    )
    assert {arm.id: arm.price.input for arm in catalog.arms} == {"small": 3, "big": 5, "huge": 7}
    shipped = Path(__file__).parents[2] / "conduit" / "catalog" / "data" / "registry.yaml"
    assert ids(load_catalog(registry=shipped).arms) == IDS


def test_empty_folder_means_the_shipped_registry(tmp_path):
    """Without files of one's own the shipped catalogue is used."""
    assert ids(load_catalog(folder=tmp_path).arms) == ids(load_catalog().arms) == IDS


def test_unused_prices_are_reported(caplog):
    """A price for a misspelt name is not lost in silence."""
    price = {"input": 1, "output": 1}
    with caplog.at_level(logging.WARNING, logger="conduit.catalog"):
        load_catalog(prices={"gpt-4o-mni": price, "gpt-4o": price})
    assert [record.args for record in caplog.records] == [("gpt-4o-mni",)]
    assert "no model of the registry has the name 'gpt-4o-mni'" in caplog.messages[0]


def test_baseline_order(folder):
    """Explicit beats the registry's, which beats the dearest arm."""
    keys = ["openai"]
    assert load_catalog(folder=folder, providers_with_keys=keys).baseline.id == "big"
    explicit = load_catalog(folder=folder, providers_with_keys=keys, baseline="small").baseline
    assert (explicit.id, explicit.price) == ("small", Price(input=2, output=2))
    assert load_catalog(providers_with_keys=["openai"]).baseline.id == "gpt-4o"
    assert load_catalog().baseline.id == "claude-opus-5-5"


def test_baseline_need_not_be_an_arm():
    """A saving can be measured against any model whose price is known."""
    catalog = load_catalog(models=["gpt-4o-mini"], baseline="openai/o3")
    assert ids(catalog.arms) == ["gpt-4o-mini"]
    assert catalog.baseline.price == Price(input=2, output=8)
    with pytest.raises(UnknownModelError, match="'gpt-9'"):
        load_catalog(baseline="gpt-9")


PRICED = st.builds(Price, input=st.floats(0, 100), output=st.floats(0, 100))


@given(prices=st.lists(st.none() | PRICED, min_size=1, max_size=6))
def test_dearest_costs_at_least_as_much_as_every_other(prices):
    """No arm costs more per input and output token than the dearest, the first of equals."""
    arms = [Arm(id=str(i), provider="p", price=price) for i, price in enumerate(prices)]
    per_token = [0.0 if price is None else price.input + price.output for price in prices]
    assert dearest(arms) is arms[per_token.index(max(per_token))]


def test_named_baseline_never_looks_at_the_arms():
    """Where a name is given the arms' prices do not matter."""
    arm = Arm(id="x", provider="p")
    found = resolve_baseline([], explicit="x", registered="y", find={"x": arm}.__getitem__)
    assert found is arm
