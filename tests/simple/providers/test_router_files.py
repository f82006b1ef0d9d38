"""Router files: the default one that ships, a user's own, and what becomes of a damaged one."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conduit import Provider
from conduit.bandits.neighbours import NearestNeighbours
from conduit.core.arms import Tier
from conduit.core.clocks import SystemClock
from conduit.core.errors import InvalidInputError, LayoutMismatchError, StoreError
from conduit.core.outcomes import ModelReply, ModelRequest
from conduit.features.encoders.hashing import HashingEncoder
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.simple.providers.default_router import (
    EXAMPLES,
    UNTRAINED,
    _say_untrained,
    examples,
    folder,
    trained_file,
)
from conduit.simple.providers.exploring import PROMPTS
from conduit.simple.providers.family import families
from conduit.simple.providers.router import family_router
from conduit.stores.memory import MemoryStore
from conduit.stores.neighbours_file import load_neighbours, save_neighbours

NAMES = ("google", "anthropic", "openai")
TIERS = ("budget", "balanced", "premium")


def labelled(columns: dict[str, float], *, encoder: str = "hashing-v1/256") -> NearestNeighbours:
    """One labelled query, with what each column was worth on it."""
    return NearestNeighbours(
        encoder=encoder,
        arms=tuple(columns),
        embeddings=HashingEncoder().encode(["hello"]),
        quality=np.array([[*columns.values()]]),
    )


def train(columns: dict[str, float], *, encoder: str = "hashing-v1/256") -> Path:
    """Such a file, where the user's own router is."""
    path = trained_file(Settings.load())
    save_neighbours(labelled(columns, encoder=encoder), path)
    return path


def tier_of(name: str, prompt: str = "hello") -> str:
    """Where a provider would send a prompt."""
    return Provider(name, offline=True).route(prompt).tier.value


@pytest.mark.parametrize("name", NAMES)
def test_the_default_router_predicts_what_the_readme_prints(name: str) -> None:
    """Simple and moderate prompts go to the balanced model, complex ones to the premium one."""
    tiers = [tier_of(name, prompt) for prompt in PROMPTS.values()]
    assert tiers == ["balanced", "balanced", "premium"]


def test_the_examples_are_many_and_none_is_a_prediction() -> None:
    """At least a hundred prompts, each once, none of the README's among them, labelled in 0..1."""
    shipped = examples()
    assert 100 <= len(shipped) == len(set(shipped.texts))
    assert not {text.lower() for text in shipped.texts} & {
        text.lower() for text in PROMPTS.values()
    }
    assert shipped.models == TIERS
    assert (shipped.quality >= 0).all()
    assert (shipped.quality <= 1).all()


def test_examples_that_were_changed_are_refused(tmp_path: Path) -> None:
    """One letter more is another hash."""
    changed = tmp_path / "examples.jsonl"
    changed.write_bytes(EXAMPLES.read_bytes() + b"\n")
    with pytest.raises(StoreError, match="SHA-256"):
        examples(changed)
    with pytest.raises(StoreError, match="install"):
        examples(tmp_path / "absent")


def test_the_default_is_encoded_once_and_kept() -> None:
    """After the first call its file is in the cache folder, five neighbours to an estimate."""
    tier_of("google")
    (path,) = folder(Settings.load()).iterdir()
    found = load_neighbours(path)
    assert (found.arms, found.k, found.encoder) == (TIERS, 5, "hashing-v1/256")
    before = path.stat().st_mtime_ns
    tier_of("openai")
    assert path.stat().st_mtime_ns == before


def test_the_default_says_that_it_is_untrained_once(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever looks at the log is told a single time, however many providers there are."""
    _say_untrained.cache_clear()
    with caplog.at_level(logging.INFO):
        for name in NAMES:
            tier_of(name)
    assert [record.message for record in caplog.records].count(UNTRAINED) == 1


def test_a_cache_folder_that_cannot_be_written_to_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The default router is encoded all the same, and a warning says that it is every time."""
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert tier_of("google", PROMPTS["Simple"]) == "balanced"
    assert "encoded anew by every process" in caplog.text


@pytest.mark.parametrize("kind", ["default", "trained"])
@pytest.mark.parametrize("damage", [b"", b"no router", b"\x00more"], ids=["cut", "other", "longer"])
def test_a_damaged_file_is_one_error_and_nothing_takes_its_place(kind: str, damage: bytes) -> None:
    """It names the file and what to do, and stays an error until that is done."""
    if kind == "default":
        tier_of("google")
        (path,) = folder(Settings.load()).iterdir()
    else:
        path = train(dict.fromkeys(TIERS, 0.5))
    whole = path.read_bytes()
    path.write_bytes({b"": whole[:-1], b"\x00more": whole + damage}.get(damage, damage))
    for _ in range(2):
        with pytest.raises(StoreError, match="delete") as raised:
            Provider("openai", offline=True).chat("hello")
        assert str(path) in str(raised.value)
        assert "\n" not in str(raised.value)
    path.unlink()
    assert Provider("openai", offline=True).chat("hello").text


@pytest.mark.parametrize("best", TIERS)
def test_a_trained_router_takes_the_place_of_the_default(best: str) -> None:
    """Its tiers are every provider's models of that tier."""
    train({tier: float(tier == best) for tier in TIERS})
    assert [tier_of(name) for name in NAMES] == [best] * 3


def test_a_new_router_file_is_taken_up_at_once() -> None:
    """A provider that was used already routes by it with the next call."""
    provider = Provider("google", offline=True)
    train({"budget": 1.0, "balanced": 0.0, "premium": 0.0})
    assert provider.chat("hello").model == "gemini-2.5-flash-lite"
    train({"budget": 0.0, "balanced": 0.0, "premium": 1.0})
    assert provider.chat("hello").model == "gemini-3-pro-preview"


def test_labels_by_model_are_that_providers_alone() -> None:
    """Others, of whose models nothing is labelled, keep the default router."""
    train({"gpt-4o-mini": 0.0, "gpt-4o": 0.0, "o3": 1.0})
    assert tier_of("openai", PROMPTS["Simple"]) == "premium"
    assert tier_of("google", PROMPTS["Simple"]) == "balanced"


def test_a_models_own_label_outranks_its_tiers() -> None:
    """Where a file has both."""
    train({"budget": 0.0, "balanced": 0.0, "premium": 1.0, "gpt-4o": 1.0, "o3": 0.0})
    assert [tier_of(name) for name in NAMES] == ["premium", "premium", "balanced"]


def test_half_a_providers_labels_are_refused() -> None:
    """The error names the models that have none."""
    train({"gpt-4o": 1.0})
    with pytest.raises(InvalidInputError, match="'gpt-4o-mini', 'o3'"):
        tier_of("openai")


def test_another_encoders_file_is_refused() -> None:
    """It says by which encoder it was made, where it is, and what to do."""
    path = train(dict.fromkeys(TIERS, 0.5), encoder="another")
    with pytest.raises(LayoutMismatchError, match=r"'another'.*train it again") as raised:
        tier_of("openai")
    assert str(path) in str(raised.value)


async def test_what_is_learned_of_cost_and_speed_moves_no_route(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After sixty long, slow and dear answers of the premium model, complex prompts still go there."""

    def answer(request: ModelRequest) -> ModelReply:
        slow = request.arm.tier is Tier.PREMIUM
        return ModelReply(
            text="done",
            input_tokens=30,
            output_tokens=4000 if slow else 100,
            latency=60.0 if slow else 1.0,
        )

    scripted = ScriptedProvider(answer, remember=False)
    monkeypatch.setattr("conduit.simple.providers.router.offline_client", lambda: scripted)
    settings = replace(Settings.load(), offline=True)
    family = families(settings)["anthropic"]
    router = family_router(
        family,
        settings,
        encoder=HashingEncoder(),
        store=MemoryStore(clock=SystemClock()),
        heard=lambda _: None,
    )
    async with router:
        for number in range(60):
            prompt = PROMPTS["Complex"] if number % 2 else PROMPTS["Simple"]
            await router.complete(f"{prompt} ({number})")
        routes = [(await router.preview(prompt)).selected_model for prompt in PROMPTS.values()]
    assert routes == ["claude-sonnet-4-5", "claude-sonnet-4-5", "claude-opus-4"]


def test_of_models_that_did_equally_well_the_cheapest_is_taken() -> None:
    """A tie of labels is decided by the price."""
    train(dict.fromkeys(TIERS, 1.0))
    assert [tier_of(name) for name in NAMES] == ["budget"] * 3


def test_who_waits_before_a_terminal_is_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The default router is announced on standard error, where no log is shown."""
    _say_untrained.cache_clear()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    caplog.set_level(logging.WARNING, logger="conduit")
    tier_of("google")
    tier_of("openai")
    assert capsys.readouterr().err.count(UNTRAINED) == 1
