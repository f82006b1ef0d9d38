"""The programs of orkestra's README, unchanged but for the import and the keys."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import conduit as o
from conduit.core.errors import InvalidInputError
from conduit.simple.house import House
from conduit.simple.providers.family import PINNED, pinned

from ...simple.providers.houses import booked
from ..conduit.test_snippets import python

QUICK_START = """
import conduit as o

provider = o.Provider("google", "YOUR_GEMINI_API_KEY")
response = provider.chat("Explain quantum computing")

print(response.text)
print(f"Provider: {response.provider}")
print(f"Model: {response.model}")
print(f"Cost: ${response.cost:.6f}")
print(f"Saved: {response.savings_percent:.1f}%")
"""

MULTI_PROVIDER = """
import conduit as o

google = o.Provider("google", "GOOGLE_KEY")
anthropic = o.Provider("anthropic", "ANTHROPIC_KEY")
openai = o.Provider("openai", "OPENAI_KEY")

multi = o.MultiProvider([google, anthropic, openai])

# Route to cheapest option across all providers
response = multi.chat("What is 2+2?", strategy="cheapest")

# Route to smartest option
response = multi.chat("Prove the Riemann hypothesis", strategy="smartest")

# Balanced: prefer mid-tier models, break ties by cost
response = multi.chat("Write a Python function", strategy="balanced")
"""

STREAMING = """
import conduit as o

provider = o.Provider("google", "YOUR_KEY")
for chunk in provider.stream_text("Write a poem"):
    print(chunk, end="")
"""

SNIPPETS = pytest.mark.parametrize(
    "snippet", [QUICK_START, MULTI_PROVIDER, STREAMING], ids=["quick", "multi", "stream"]
)


def run(snippet: str) -> dict[str, Any]:
    """The names that a program leaves behind."""
    names: dict[str, Any] = {}
    exec(snippet, names)
    return names


@SNIPPETS
def test_a_snippet_runs_as_printed(snippet: str) -> None:
    """It ends without an error."""
    assert run(snippet)


@SNIPPETS
async def test_a_snippet_runs_where_a_loop_runs(snippet: str) -> None:
    """So it does in a cell of a notebook, whose own event loop runs."""
    assert asyncio.get_running_loop().is_running()
    assert run(snippet)


@SNIPPETS
def test_a_snippet_runs_on_thirty_two_threads(snippet: str, home: House) -> None:
    """So it does on every thread of many, and every one of their calls is paid once."""
    with ThreadPoolExecutor(32) as pool:
        names = list(pool.map(run, [snippet] * 32))
    calls = {QUICK_START: 1, MULTI_PROVIDER: 3, STREAMING: 1}[snippet]
    asked = [it for it in names[0].values() if isinstance(it, o.Provider)]
    records = [booked(home, it.account) for it in asked][-1]  # each has its own bookings done first
    assert len(records) == 32 * calls
    assert len({record.decision_id for record in records}) == 32 * calls
    if snippet != STREAMING:
        given = {it["response"].decision_id: it["response"].cost for it in names}
        paid = {record.decision_id: record.cost for record in records}
        assert given == {decision: pytest.approx(paid[decision]) for decision in given}


def test_the_quick_start_prints_its_five_lines(tmp_path: Path) -> None:
    """A new user's process, with nothing set but that no key is needed, prints them."""
    ran = python(QUICK_START, tmp_path, CONDUIT_OFFLINE="1", CONDUIT_ENCODER="hashing")
    assert ran.returncode == 0, ran.stderr
    said, *lines = ran.stdout.splitlines()
    assert "Explain quantum computing" in said
    assert lines == [
        "Provider: google",
        "Model: gemini-3-flash-preview",
        "Cost: $0.000055",
        "Saved: 75.0%",
    ]


def test_a_stream_is_the_text_in_pieces(capsys: pytest.CaptureFixture[str]) -> None:
    """What the program prints piece by piece is one answer."""
    run(STREAMING)
    assert capsys.readouterr().out.endswith(" answers offline: Write a poem")


def test_every_field_of_the_table_is_true(home: House) -> None:
    """Tokens, cost, baseline and savings follow from the text and the price table."""
    provider = o.Provider("openai", "KEY")
    response = provider.chat("What is the capital of Japan?")
    price = {arm.id: arm.price for arm in pinned().arms}
    into, out = response.input_tokens, response.output_tokens
    assert isinstance(response, o.Response)
    assert (response.model, response.provider, response.base_model) == ("gpt-4o", "openai", "o3")
    assert "What is the capital of Japan?" in response.text
    assert (into, out) == (8, 14)  # 29 and 53 characters, at four to a token
    assert price["gpt-4o"] is not None
    assert price["o3"] is not None
    assert response.cost == price["gpt-4o"].cost(input_tokens=8, output_tokens=14)
    assert response.base_cost == price["o3"].cost(input_tokens=8, output_tokens=14)
    assert response.savings == response.base_cost - response.cost
    assert response.savings_percent == pytest.approx(75.0)
    (record,) = booked(home, provider.account)
    assert (record.cost, record.base_cost) == (response.cost, response.base_cost)


def test_several_providers_save_against_the_dearest_premium_model() -> None:
    """The baseline is the dearest of all premium models, at the answer's own tokens."""
    multi = o.MultiProvider([o.Provider(name, "KEY") for name in ("google", "anthropic", "openai")])
    response = multi.chat("What is the capital of Japan?", strategy="cheapest")
    (opus,) = [arm for arm in pinned().arms if arm.id == "claude-opus-4"]
    assert opus.price is not None
    assert (response.provider, response.base_model) == ("google", "claude-opus-4")
    assert response.base_cost == opus.price.cost(
        input_tokens=response.input_tokens or 0, output_tokens=response.output_tokens or 0
    )
    assert response.savings_percent > 90


def test_the_table_is_the_readmes() -> None:
    """Three providers of three tiers each, at the README's prices."""
    table = [
        ("google", "budget", "gemini-2.5-flash-lite", 0.10, 0.40),
        ("google", "balanced", "gemini-3-flash-preview", 0.50, 3.00),
        ("google", "premium", "gemini-3-pro-preview", 2.00, 12.00),
        ("anthropic", "budget", "claude-haiku-4", 0.80, 4.00),
        ("anthropic", "balanced", "claude-sonnet-4-5", 3.00, 15.00),
        ("anthropic", "premium", "claude-opus-4", 15.00, 75.00),
        ("openai", "budget", "gpt-4o-mini", 0.15, 0.60),
        ("openai", "balanced", "gpt-4o", 2.50, 10.00),
        ("openai", "premium", "o3", 10.00, 40.00),
    ]
    assert [
        (arm.provider, arm.tier, arm.id, arm.price.input, arm.price.output)
        for arm in pinned().arms
        if arm.price is not None
    ] == table
    assert PINNED.is_file()


def test_an_own_price_outranks_the_table(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program's price holds, and the environment's in its place."""
    home.overrides = home.overrides.priced({"o3": {"input": 20.0, "output": 20.0}})
    provider = o.Provider("openai", "KEY")
    first = provider.chat("What is the capital of Japan?")
    assert first.base_cost == pytest.approx(22 * 20 / 1e6)
    monkeypatch.setenv("CONDUIT_PRICING_JSON", '{"o3": {"input": 40.0, "output": 40.0}}')
    second = provider.chat("What is the capital of Japan?")
    assert second.base_cost == pytest.approx(22 * 40 / 1e6)
    assert replace(second, base_cost=first.base_cost).cost == first.cost


def test_another_name_is_refused() -> None:
    """The error lists the three names that there are."""
    with pytest.raises(InvalidInputError, match=r"'mistral'.*google, anthropic, openai"):
        o.Provider("mistral", "KEY")
