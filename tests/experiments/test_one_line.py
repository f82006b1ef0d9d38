"""The experiment on the one-line face, on a small made world."""

from __future__ import annotations

import numpy as np
import pytest

from conduit.core.arms import Arm
from conduit.evaluation.stream import Stream
from experiments.one_line import (
    COLD,
    KEYWORDS,
    NEAREST,
    ONLINE,
    TRAINED,
    Part,
    checks_of,
    choices,
    rows_of,
)
from experiments.one_line_ways import CHEAP, GOOD, by_keywords, by_neighbours, taught


def made_stream(n: int = 700) -> Stream:
    """A cheap model that is good at one of two kinds of prompts, and a dear one that is at both."""
    rng = np.random.default_rng(0)
    kind = rng.choice([-1.0, 1.0], n)
    embeddings = np.column_stack([kind, np.zeros(n)]).astype(np.float32)
    return Stream(
        arms=(Arm(id="cheap", provider="x"), Arm(id="dear", provider="x")),
        contexts=np.column_stack([np.ones(n), kind]),
        prompt_tokens=np.full(n, 100),
        quality=np.column_stack([0.5 + 0.4 * kind, np.full(n, 0.9)]),
        cost=np.exp(rng.normal(np.log([1e-5, 1e-3]), 0.1, (n, 2))),
        difficulty=rng.uniform(0.0, 1.0, n),
        embeddings=embeddings,
    )


def made_part() -> Part:
    learn, asked = made_stream(), made_stream(400)
    texts = tuple("debug this" if q < 0.5 else "say this" for q in asked.quality[:, CHEAP])
    return Part(name="made", learn=learn, asked=asked, texts=texts, says="made up")


def test_keywords_tell_work_from_small_talk() -> None:
    """Conductor's four prompts go where its README says, and so does a long one."""
    four = ("What is 2+2?", "Summarize this", "Analyze this contract", "Debug this code")
    assert by_keywords(four).tolist() == [CHEAP, CHEAP, GOOD, GOOD]
    assert by_keywords(["word " * 300]).tolist() == [GOOD]


def test_neighbours_vote_and_a_tie_goes_to_the_cheap_model() -> None:
    """Where both models were as good on the five nearest prompts, the cheap one answers."""
    stream = made_stream()
    chosen = by_neighbours(stream, stream)
    good_at = stream.quality[:, CHEAP] == stream.quality[:, GOOD]
    assert (chosen[good_at] == CHEAP).all()
    assert (chosen[~good_at] == GOOD).all()


def test_ratings_teach_of_the_model_that_answered_alone() -> None:
    """All prompts together are worth one rating each, whichever model it is about."""
    stream = made_stream()
    known = taught(stream, rng=np.random.default_rng(1))
    about = {arm: sums.weight for (arm, head), sums in known.items() if head == "quality"}
    assert sum(about.values()) == len(stream)
    assert all(weight < len(stream) for weight in about.values())


def test_after_ratings_auto_knows_what_it_did_not_know_cold() -> None:
    """Difficulty that says nothing is a mixture; 500 ratings are worth more, and every way is in the table."""
    part = made_part()
    rows = {row.way: row for row in rows_of(part, [choices((part, seed)) for seed in range(3)])}
    assert set(rows) == {"always cheap", "always dear", COLD, TRAINED, ONLINE, KEYWORDS, NEAREST}
    assert rows[TRAINED].over_mixture > rows[COLD].over_mixture
    assert abs(rows["always cheap"].over_mixture) < 1e-12
    assert rows["always dear"].good == pytest.approx(rows["always dear"].kept) == 1.0


def test_the_verdict_compares_with_what_it_takes_the_place_of() -> None:
    """A way that gives less for the money than the keyword rules, beyond noise, is short."""
    part = made_part()
    rows = {row.way: row for row in rows_of(part, [choices((part, seed)) for seed in range(3)])}
    short = [check.name for check in checks_of("made", rows) if not check.holds]
    assert f"made: over mixture, {COLD} less {KEYWORDS}" in short
