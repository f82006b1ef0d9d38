"""How hard a prompt is taken to be."""

from __future__ import annotations

import json
from hashlib import blake2b, sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conduit.core.errors import ConfigurationError
from conduit.core.ports import Encoder
from conduit.features import difficulty
from conduit.features.analyzer import Analyzer
from conduit.features.difficulty import REACH, load_difficulty, shipped_weights
from conduit.features.encoders.hashing import HashingEncoder
from conduit.features.hints import count_hints, task_of
from conduit.features.projection import load_projection
from conduit.features.signals import SIGNALS_VERSION
from tests.features.attacks import ATTACKS, PROMPTS

THRESHOLD = 0.5
SHIPPED = [load_difficulty(it) for it in json.loads(shipped_weights().read_text())["weights"]]


class Erratic:
    """An encoder that means something else by every text: the worst that MiniLM could be."""

    def __init__(self, name: str, dim: int) -> None:
        self.name, self.dim = name, dim

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Directions at random, the same for the same text."""
        seeds = [blake2b(text.encode()).digest() for text in texts]
        draws = [np.random.default_rng(list(seed)).standard_normal(self.dim) for seed in seeds]
        return np.array([draw / np.linalg.norm(draw) for draw in draws], np.float32)


ENCODERS = (
    HashingEncoder(),
    Erratic("all-MiniLM-L6-v2@53aa51172d14/256", 384),
    Erratic("somebody's", 64),
)


def analyzer_of(encoder: Encoder) -> Analyzer:
    """As a router has it."""
    return Analyzer(encoder, load_projection(encoder.name, encoder.dim))


def judged(analyzer: Analyzer, *texts: str) -> list[float]:
    """Their difficulties."""
    return [features.difficulty for features in analyzer.analyze_many(texts)]


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda it: it.name)
def test_conductors_prompts_are_on_the_sides_that_it_prints(encoder: Encoder) -> None:
    """Two are for the cheap model and two for the good one, whatever the encoder makes of them."""
    analyzer = analyzer_of(encoder)
    easy = judged(analyzer, "What is 2+2?", "Summarize this", "What is the capital of France?")
    hard = judged(analyzer, "Analyze this contract", "Debug this code")
    assert max(easy) < THRESHOLD <= min(hard)


def test_there_are_fifty_attacks() -> None:
    """No two of them are the same."""
    assert len(set(ATTACKS)) == 50


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda it: it.name)
@pytest.mark.parametrize("gap", [" ", "\n", "\n\n", ". "])
def test_no_attack_moves_a_prompt_by_a_tenth(encoder: Encoder, gap: str) -> None:
    """Whatever is appended to a prompt, its difficulty stays within .1."""
    analyzer = analyzer_of(encoder)
    for prompt in PROMPTS:
        before, *after = judged(analyzer, prompt, *(prompt + gap + it for it in ATTACKS))
        assert max(abs(score - before) for score in after) < 0.1


@given(st.text(), st.lists(st.floats(-1e6, 1e6, width=32), min_size=41, max_size=41))
def test_the_bound_holds_for_any_text_and_context(text: str, context: list[float]) -> None:
    """What was learned moves a score by less than .05, whatever the numbers, and it stays in 0..1."""
    middle = {-1: 1 / 6, 0: 1 / 2, 1: 5 / 6}[task_of(text)]
    for judge in SHIPPED:
        score = judge.of(text, np.array(context, np.float32))
        assert abs(score - middle) < REACH + 1e-9 < 0.05


@pytest.mark.parametrize("encoder", ENCODERS[:2], ids=lambda it: it.name)
def test_the_weights_are_for_the_layouts_that_ship(encoder: Encoder) -> None:
    """Hashing and MiniLM have weights for their whole context; who has none is judged by form."""
    weights = json.loads(shipped_weights().read_text())["weights"]
    analyzer = analyzer_of(encoder)
    assert np.shape(weights[analyzer.layout]) == (9, analyzer.dim)
    assert load_difficulty(analyzer.layout).weights.tolist() == weights[analyzer.layout]
    unknown = load_difficulty(f"somebody's/random32/{SIGNALS_VERSION}")
    assert unknown.weights.tolist() == weights[SIGNALS_VERSION]
    assert unknown.weights.shape == (9, 9)


def test_weights_that_did_not_ship_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed file is named with both hashes."""
    changed = tmp_path / "difficulty.json"
    changed.write_bytes(shipped_weights().read_bytes() + b" ")
    monkeypatch.setattr(difficulty, "shipped_weights", lambda: changed)
    with pytest.raises(ConfigurationError, match=sha256(changed.read_bytes()).hexdigest()):
        load_difficulty("any")


def test_the_file_says_what_it_was_fitted_on() -> None:
    """The data sets, which parts of them, and their licence."""
    said = json.loads(shipped_weights().read_text())["fitted_on"]
    for word in ("paretobandit_k4 (val", "routellm (first half", "mmlu_pro (first half", "Apache"):
        assert word in said


@pytest.mark.parametrize(
    ("prompt", "task"),
    [
        ("Analyze this contract", 1),
        ("  please DEBUG this code", 1),
        ("Hi, could you help me to plan a wedding", 1),
        ("Why is the sky blue?", 1),
        ("Summarize the analysis of the risks", -1),
        ("What's the strategy?", -1),
        ("Hello!", -1),
        ("- list the planets", -1),
        ("The contract says why", 0),
        ("Whatever", 0),
        ("Planetary motion", 1),
        ("2+2", 0),
        ("", 0),
        ("为什么天空是蓝色的？", 0),
    ],
)
def test_the_first_word_says_what_a_prompt_asks_for(prompt: str, task: int) -> None:
    """Courtesies apart, what a prompt begins with decides, and nothing behind it."""
    assert task_of(prompt) == task
    if task:
        assert {task_of(f"{prompt} {more}") for more in ATTACKS} == {task}


def test_every_hint_counts() -> None:
    """Words that hint at work are counted wherever they are, as often as they are."""
    assert count_hints("Analyze the risks, and analyse the trade-offs: why?") == 5
    assert count_hints("a plain sentence") == 0
