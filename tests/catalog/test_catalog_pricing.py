"""Whose price applies, and that none is ever guessed."""

import datetime
import subprocess
import sys

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from conduit.catalog.pricing import list_price, parse_pricing, price_of, read_pricing
from conduit.catalog.registry import read_registry
from conduit.core.arms import Arm, Price
from conduit.core.errors import ConfigurationError, UnknownPriceError

MINI = Arm(id="gpt-4o-mini", provider="openai")
OWN = Price(input=7, output=8)
GIVEN = Price(input=1, output=2)


@pytest.mark.parametrize(
    ("arm_price", "given", "expected"),
    [
        (OWN, {"gpt-4o-mini": GIVEN}, GIVEN),
        (OWN, {"gpt-4o": GIVEN}, OWN),
        (None, {"openai/gpt-4o-mini": GIVEN}, GIVEN),
        (None, {"openai:gpt-4o-mini": GIVEN}, GIVEN),
        (None, {}, Price(input=0.15, output=0.60)),
    ],
)
def test_given_beats_registry_beats_list(arm_price, given, expected):
    """A given price wins over the registry's, which wins over the published one."""
    arm = Arm(id="gpt-4o-mini", provider="openai", price=arm_price)
    assert price_of(arm, given) == expected


def test_free_is_a_price():
    """A price of zero is honoured at every level."""
    free = Price(input=0, output=0)
    assert price_of(MINI, {"gpt-4o-mini": free}) == free
    assert price_of(Arm(id="m", provider="lmstudio", price=free), {}) == free


def test_list_prices_are_those_of_the_table():
    """Every shipped model has a published price, equal to the table's for an ordinary call."""
    usage = Usage(input_tokens=1000, output_tokens=1000)
    for arm in read_registry().arms:
        bill = calc_price(usage, arm.api_name, provider_id=arm.provider)
        cost = price_of(arm, {}).cost(input_tokens=1000, output_tokens=1000)
        assert cost == pytest.approx(float(bill.total_price))


def test_tiered_price_is_the_ordinary_one():
    """A surcharge for long contexts does not enter the list price."""
    long = calc_price(Usage(input_tokens=250_000, output_tokens=0), "gemini-2.5-pro")
    price = list_price("google", "gemini-2.5-pro")
    assert float(long.total_price) > price.cost(input_tokens=250_000, output_tokens=0)
    short = calc_price(Usage(input_tokens=100_000, output_tokens=10), "gemini-2.5-pro")
    assert float(short.total_price) == pytest.approx(
        price.cost(input_tokens=100_000, output_tokens=10)
    )


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-imaginary"),
        ("nobody", "gpt-4o"),
        ("openai-like", "gpt-4o"),
        ("lmstudio", "gpt-4o"),
        ("openai", "whisper-1"),
        ("openai", "text-embedding-3-small"),
        ("groq", "whisper-large-v3"),
    ],
)
def test_unknown_price_is_an_error_that_says_how_to_give_one(provider, model):
    """No model, provider or unit of billing outside the table is priced by likeness."""
    with pytest.raises(UnknownPriceError, match="give input_price and output_price") as caught:
        price_of(Arm(id="arm", provider=provider, model=model), {})
    assert caught.value.model == "arm"


@pytest.mark.parametrize("provider", ["openai-codex", "claude-code"])
def test_a_tool_is_free_unless_it_is_given_a_price(provider):
    """A plan pays for what a command-line tool does, and a given price is stronger."""
    arm = Arm(id=f"{provider}/gpt-4o", provider=provider, model="gpt-4o")
    assert price_of(arm, {}) == Price(input=0, output=0)
    assert price_of(arm, {arm.id: GIVEN}) == GIVEN


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1234/v1",
        "http://127.0.0.1:8000/api.openai.com",
        "http://api.openai.com@localhost/v1",
        "https://api.openai.com.example/v1",
    ],
)
@pytest.mark.parametrize("name", ["openai/gpt-4o-mini", "openai:gpt-4o-mini", "gpt-4o-mini"])
def test_local_model_never_takes_the_providers_price(url, name):
    """A namesake at another address takes neither the list price nor one given for the original."""
    arm = Arm(id="mine", provider="openai", model="gpt-4o-mini", base_url=url)
    with pytest.raises(UnknownPriceError, match="'mine' served at"):
        price_of(arm, {name: GIVEN})
    assert price_of(arm, {"mine": GIVEN}) == GIVEN


def test_providers_own_address_keeps_its_list_price():
    """Writing down the address a provider has anyway changes nothing."""
    arm = Arm(id="gpt-4o-mini", provider="openai", base_url="https://api.openai.com/v1")
    assert price_of(arm, {}) == price_of(MINI, {})


PRICES = st.floats(0, 1e4, allow_nan=False)


@given(table=st.dictionaries(st.text("abc-./:1", min_size=1), st.tuples(PRICES, PRICES)))
def test_short_and_long_field_names_mean_the_same(table):
    """input and input_price are one field, and every model keeps its own figures."""
    short = {name: {"input": into, "output": out} for name, (into, out) in table.items()}
    long = {name: {"input_price": i, "output_price": o} for name, (i, o) in table.items()}
    expected = {name: Price(input=i, output=o) for name, (i, o) in table.items()}
    assert parse_pricing(short, source="s") == parse_pricing(long, source="s") == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("m: 3", "m is 3"),
        ("m: {input: 1}", "m has fields ['input']"),
        ("m: {}", "m has fields []"),
        ("m: {input: 1, input_price: 1, output: 1}", "['input', 'input_price', 'output']"),
        ("m: {input: -1, output: 1}", "m: input is -1"),
        ("m: {input: 1, output: .nan}", "m: output is nan"),
        ("m: {input: 1, output: free}", "m: output is 'free'"),
        ("m: {input: 1, output: 1, cache: 1}", "m has an unknown field 'cache'"),
        ("4: {input: 1, output: 1}", "4 is no model name"),
        ("m: {input: 1, output: 1}\nm: {input: 2, output: 2}", "'m' is given twice"),
    ],
)
def test_wrong_pricing_files_are_refused(tmp_path, text, said):
    """A mistake in a pricing file is one line with file, model and field."""
    path = tmp_path / "pricing.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_pricing(path)
    assert said in str(caught.value)
    assert "pricing.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_yaml_dates_and_other_keys_do_not_slip_through(tmp_path):
    """A key that YAML reads as something else than text is refused by name."""
    path = tmp_path / "pricing.yaml"
    path.write_text("2024-05-13: {input: 1, output: 1}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"{datetime.date(2024, 5, 13)} is no model name"):
        read_pricing(path)


def test_price_table_is_loaded_only_when_asked():
    """With prices given for every arm, the published table is never imported."""
    code = (
        "import sys; from conduit.catalog import load_catalog; p = {'input': 1, 'output': 2}\n"
        "load_catalog(models=['gpt-4o', 'gpt-4o-mini'], prices={'gpt-4o': p, 'gpt-4o-mini': p})\n"
        "print('genai_prices' in sys.modules, 'pydantic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "False"]
