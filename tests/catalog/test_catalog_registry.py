"""The registry file: what it says, and what it must not say."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.catalog.registry import SHIPPED, names_of, read_registry
from conduit.core.arms import Arm, Price, Tier
from conduit.core.errors import ConfigurationError, InvalidInputError

NAME = st.text("abcxyz0123456789.-_", min_size=1, max_size=12).map(lambda tail: f"m{tail}")
PRICE = st.floats(0, 1000, allow_nan=False)
ARMS = st.lists(
    st.builds(
        Arm,
        id=NAME,
        provider=st.sampled_from(["openai", "anthropic", "lmstudio"]),
        model=NAME,
        price=st.none() | st.builds(Price, input=PRICE, output=PRICE),
        tier=st.sampled_from(Tier),
        max_output_tokens=st.integers(1, 100_000),
        base_url=st.none() | st.just("http://localhost:1234/v1"),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda arm: arm.id,
)


@pytest.fixture
def registry(tmp_path):
    """Writes a registry file and reads it."""

    def read(text):
        path = tmp_path / "registry.yaml"
        path.write_text(text, encoding="utf-8")
        return read_registry(path)

    return read


def entry_of(arm):
    """An arm as a registry file writes it."""
    raw = {
        "id": arm.id, "provider": arm.provider, "model": arm.model, "tier": arm.tier.value,
        "max_output_tokens": arm.max_output_tokens,
    }  # fmt: skip
    if arm.price is not None:
        raw |= {"input_price": arm.price.input, "output_price": arm.price.output}
    return raw if arm.base_url is None else raw | {"base_url": arm.base_url}


@settings(max_examples=40)
@given(arms=ARMS)
def test_what_is_written_is_read(tmp_path_factory, arms):
    """Every field of every entry arrives, in order."""
    path = tmp_path_factory.mktemp("r") / "registry.yaml"
    document = {"baseline": arms[0].id, "models": [entry_of(arm) for arm in arms]}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    registry = read_registry(path)
    assert registry.arms == tuple(arms)
    assert registry.baseline == arms[0].id


def test_only_id_and_provider_are_required(registry):
    """What an entry leaves out has the documented value."""
    (arm,) = registry("models: [{id: m, provider: openai}]").arms
    assert arm == Arm(id="m", provider="openai")
    assert (arm.api_name, arm.tier, arm.price) == ("m", Tier.BALANCED, None)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{id: m, provider: openai, cost: 1}", "models[0] (m) has an unknown field 'cost'"),
        ("{id: m, provider: openai, 1: x}", "models[0] (m) has an unknown field 1"),
        ("{provider: openai}", "models[0] has no id"),
        ("{id: m}", "models[0] (m) has no provider"),
        ("{id: 4, provider: openai}", "models[0]: id is 4"),
        ("{id: 'a b', provider: openai}", "id is 'a b'"),
        ("{id: m, provider: OpenAI}", "provider is 'OpenAI'"),
        ("{id: m, provider: openai, tier: cheap}", "tier is 'cheap'"),
        ("{id: m, provider: openai, tier: [budget]}", "tier is ['budget']"),
        ("{id: m, provider: openai, input_price: -1, output_price: 1}", "input_price is -1"),
        ("{id: m, provider: openai, input_price: 1, output_price: .nan}", "output_price is nan"),
        ("{id: m, provider: openai, input_price: 1, output_price: .inf}", "output_price is inf"),
        ("{id: m, provider: openai, input_price: '1', output_price: 1}", "input_price is '1'"),
        ("{id: m, provider: openai, input_price: true, output_price: 1}", "input_price is True"),
        ("{id: m, provider: openai, input_price: 1}", "models[0] (m) has no output_price"),
        ("{id: m, provider: openai, output_price: 1}", "models[0] (m) has no input_price"),
        ("{id: m, provider: openai, max_output_tokens: 0}", "max_output_tokens is 0"),
        ("{id: m, provider: openai, max_output_tokens: 1.5}", "max_output_tokens is 1.5"),
        ("{id: m, provider: openai, base_url: localhost}", "base_url is 'localhost'"),
        ("{id: m, provider: openai, base_url: 'http://[x'}", "base_url is 'http://[x'"),
        ("{id: m, id: n, provider: openai}", "'id' is given twice"),
        ("just text", "models[0] is 'just text'"),
    ],
)
def test_wrong_entries_are_refused(registry, entry, said):
    """A mistake is one line with file, entry and field, whatever the mistake."""
    with pytest.raises(ConfigurationError) as caught:
        registry(f"models:\n  - {entry}\n")
    assert said in str(caught.value)
    assert "registry.yaml" in str(caught.value)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "models is None"),
        ("models: []", "models is []"),
        ("models: {id: m}", "models is {'id': 'm'}"),
        ("[1]", "holds a list at its top level"),
        ("models: [{id: m, provider: openai}]\nbasline: m", "unknown field 'basline'"),
        ("models: [{id: m, provider: openai}]\nbaseline: n", "baseline is 'n'"),
        ("models: [{id: m, provider: a}, {id: m, provider: b}]", "id 'm' is given to 2 models"),
        ("models: [", "line 1"),
        ("models: !!python/object:os.system {}", "line 1"),
    ],
)
def test_wrong_files_are_refused(registry, text, said):
    """A file that is no registry is one line that names the place."""
    with pytest.raises(ConfigurationError) as caught:
        registry(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_unreadable_files_are_named(tmp_path):
    """A path that leads nowhere, or to no text, is an error with that path."""
    with pytest.raises(ConfigurationError, match=r"absent\.yaml does not exist"):
        read_registry(tmp_path / "absent.yaml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_registry(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"models: \xff")
    with pytest.raises(ConfigurationError, match="UnicodeDecodeError"):
        read_registry(tmp_path / "latin.yaml")


def test_every_name_finds_its_arm(registry):
    """Id, provider/model, provider:model and a unique model name all lead to the same arm."""
    models = registry(
        "models: [{id: oss, provider: groq, model: openai/gpt-oss}, {id: b, provider: openai}]"
    )
    for arm in models.arms:
        assert {models.find(name) for name in names_of(arm)} == {arm}
    assert models.find("groq/openai/gpt-oss").id == "oss"
    assert models.find("nothing") is None


def test_ambiguous_names_are_refused_and_ids_never_are(registry):
    """Where two arms share a model name, only an id will do, and an id always does."""
    models = registry(
        "models: [{id: here, provider: lmstudio, model: m}, {id: m, provider: groq},"
        " {id: there, provider: openai, model: x}, {id: where, provider: azure, model: x}]"
    )
    assert models.find("m").provider == "groq"
    with pytest.raises(InvalidInputError, match="'x' is ambiguous; choose one of: there, where"):
        models.find("x")


def test_an_arms_own_address_beats_its_providers(registry):
    """A provider's other address applies to the arms that have none of their own."""
    models = registry(
        "models: [{id: a, provider: openai}, {id: b, provider: openai, base_url: 'http://b/v1'},"
        " {id: c, provider: groq}]"
    ).at({"openai": "http://proxy/v1"})
    assert [arm.base_url for arm in models.arms] == ["http://proxy/v1", "http://b/v1", None]


def test_shipped_registry_covers_four_providers_and_three_tiers():
    """Whoever has one key finds at least two models, and both models of the README are there."""
    registry = read_registry(SHIPPED)
    providers = [arm.provider for arm in registry.arms]
    assert {name: providers.count(name) >= 2 for name in providers} == dict.fromkeys(
        ["openai", "anthropic", "google", "groq"], True
    )
    assert {arm.tier for arm in registry.arms} == set(Tier)
    assert {"gpt-4o-mini", "gpt-4o"} <= {arm.id for arm in registry.arms}
