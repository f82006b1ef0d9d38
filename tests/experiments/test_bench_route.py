"""The benchmark of routing, on stand-ins: who is timed when, what a history is, what is compared."""

from __future__ import annotations

import math

import numpy as np
import pytest

from conduit.core.outcomes import Head
from conduit.features.encoders.hashing import HashingEncoder
from experiments.bench_route import (
    FASTER,
    HISTORIES,
    SHORT,
    THEIRS,
    TURN,
    Row,
    Times,
    checks_of,
    ours_after,
    round_of,
    rows_of,
)
from experiments.route_pipelines import Event, Ours, Parts, open_ours

PROMPTS = ["What is two and two?", "Name a river in Peru."]


def called(calls: list[tuple[str, str]], name: str) -> Event:
    async def event(prompt: str) -> Parts:
        calls.append((name, prompt))
        return {"route": 0.001 * len(calls)}

    return event


async def test_every_contestant_has_its_turn_at_the_same_prompts_before_others_come() -> None:
    """What the machine does meanwhile falls on all alike; long ones meet whole pipelines only."""
    calls: list[tuple[str, str]] = []
    names = {ours_after(0), THEIRS, "in parts"}
    times: Times = {}
    prompts = [f"prompt {i}" for i in range(2 * TURN)]
    await round_of(
        {SHORT: prompts, 200: ["a longer one"]},
        {name: called(calls, name) for name in names},
        rng=np.random.default_rng(0),
        times=times,
    )
    turns = [calls[start : start + TURN] for start in range(0, 2 * len(names) * TURN, TURN)]
    assert all(len({name for name, _ in turn}) == 1 for turn in turns)
    for together in (turns[: len(names)], turns[len(names) :]):
        assert {turn[0][0] for turn in together} == names
        assert len({tuple(prompt for _, prompt in turn) for turn in together}) == 1
    assert {name for name, _ in calls[2 * len(names) * TURN :]} == {ours_after(0), THEIRS}
    assert len(times[SHORT, "in parts", "route"][0]) == len(prompts)


def test_rows_are_medians_over_all_rounds_in_milliseconds() -> None:
    """The error is that of the rounds' medians, and unknown for a single round."""
    rows = rows_of({(SHORT, THEIRS, "route"): [[0.001, 0.002, 0.009], [0.004, 0.004, 0.004]]})
    assert rows[0].median == pytest.approx(4.0)
    assert rows[0].median_se == pytest.approx(1.0)
    assert math.isnan(rows_of({(SHORT, THEIRS, "route"): [[0.001]]})[0].median_se)


def test_the_slowest_history_is_what_is_compared() -> None:
    """A router that is fast only while it knows nothing does not pass."""
    ours = dict.fromkeys(map(ours_after, HISTORIES), 1.0) | {ours_after(HISTORIES[-1]): 2.0}
    rows = [
        Row(prompts=SHORT, contestant=name, part="route", median=median, median_se=0.0, p95=median)
        for name, median in {**ours, THEIRS: 2 * FASTER - 0.1}.items()
    ]
    assert [check.holds for check in checks_of(rows, 0.9999)] == [False, False, True]


async def test_a_history_is_learned_and_kept_like_any_other() -> None:
    """After it the store has so many observations, and the posterior as many."""
    router = open_ours(HashingEncoder())
    await router.live(30, PROMPTS, seed=0)
    engine = await router.engine()
    assert await engine.parts.store.count() == 30
    assert engine.learner.models.head(Head.QUALITY).count == 30


async def test_the_parts_add_up_to_what_routing_does() -> None:
    """They are timed one after the other, and end in a decision that is on record."""
    router: Ours = open_ours(HashingEncoder())
    whole, parts = await router.whole(PROMPTS[0]), await router.parts(PROMPTS[0])
    assert set(whole) == {"route", "processor"}
    assert set(parts) == {"encode", "decide", "record"}
    assert all(seconds > 0 for seconds in (*whole.values(), *parts.values()))
    engine = await router.engine()
    logged = [entry.decision async for entry in engine.parts.store.log()]
    assert len(logged) == 2
