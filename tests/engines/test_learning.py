"""The router learns which model is good at what, and remembers it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from conduit.core.outcomes import Head
from conduit.engines.router import Router
from conduit.stores.sql import SQLStore
from tests.engines.builders import CODE, EQUAL, VERSE, router_of

SEEDS = range(20)
ROUNDS = 80


async def teach(router: Router) -> None:
    """Rate 5 where the poet writes verse and the coder code, else 1."""
    for turn in range(ROUNDS):
        verse = turn % 2 == 0
        prompt = (VERSE if verse else CODE)[turn // 2 % 5]
        decision = await router.route(prompt)
        good = decision.selected_model == ("poet" if verse else "coder")
        await router.feedback(decision.id, rating=5 if good else 1)


async def share_of_right_choices(router: Router) -> float:
    """Mean probability of the model that is good at the prompt."""
    right = [(await router.route(p)).probabilities["poet"] for p in VERSE]
    right += [(await router.route(p)).probabilities["coder"] for p in CODE]
    return sum(right) / len(right)


def test_prompts_of_the_two_kinds_share_no_word() -> None:
    """What is learned below cannot come from a word that both kinds contain."""
    words = [{w for text in kind for w in text.lower().split()} for kind in (VERSE, CODE)]
    assert not words[0] & words[1]


async def test_each_kind_of_prompt_goes_to_the_model_that_is_good_at_it() -> None:
    """On each of 20 seeds the contextual router sends both kinds to their model."""
    for seed in SEEDS:
        async with router_of(*EQUAL, seed=seed) as router:
            await teach(router)
            assert await share_of_right_choices(router) > 0.9, f"seed {seed}"


async def test_a_bandit_without_context_cannot_tell_the_kinds_apart() -> None:
    """The same lessons leave the non-contextual policy at a coin's toss on every seed."""
    for seed in SEEDS:
        async with router_of(*EQUAL, seed=seed, policy="thompson_noncontextual") as router:
            await teach(router)
            assert await share_of_right_choices(router) < 0.6, f"seed {seed}"


async def test_what_was_learned_survives_a_restart(tmp_path: Path) -> None:
    """A new router on the same SQLite file has the same estimates, to the last bits."""
    path = tmp_path / "conduit.db"
    async with router_of(*EQUAL, seed=1, store=SQLStore(path)) as router:
        await teach(router)
        before = await share_of_right_choices(router)
    async with router_of(*EQUAL, seed=2, store=SQLStore(path)) as router:
        after = await share_of_right_choices(router)
    assert before > 0.9
    assert abs(before - after) < 0.02  # the rebuild at loading chooses the prior afresh


async def test_equal_seeds_decide_alike_and_different_seeds_do_not() -> None:
    """The random generator is the router's own and follows its seed."""

    async def choices(seed: int) -> list[str]:
        async with router_of(seed=seed, policy="random") as router:
            return [(await router.route(f"prompt {n}")).selected_model for n in range(40)]

    assert await choices(1) == await choices(1)
    assert await choices(1) != await choices(2)


async def test_a_changed_rating_leaves_the_same_posterior_as_giving_it_at_once() -> None:
    """Correcting 1 to 5 equals having said 5 in the first place."""

    async def estimate(*ratings: int) -> tuple[float, float]:
        async with router_of(EQUAL[0], seed=0) as router:
            decision = await router.route("autumn ballad")
            for rating in ratings:
                await router.feedback(decision.id, rating=rating)
            seen = (await router.route("autumn ballad")).estimates["poet"]
            return seen.mean, seen.std

    corrected, at_once = await estimate(1, 5), await estimate(5)
    assert abs(corrected[0] - at_once[0]) < 1e-12
    assert abs(corrected[1] - at_once[1]) < 1e-12


async def test_what_was_decided_in_another_layout_is_kept_and_not_learned(tmp_path: Path) -> None:
    """A rating of a decision whose context means something else waits in the log for a refit."""
    path = tmp_path / "conduit.db"
    async with router_of(*EQUAL, store=SQLStore(path)) as router:
        decision = await router.route(VERSE[0])
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE decisions SET layout = 'another', context = substr(context, 1, 40)")
    async with router_of(*EQUAL, store=SQLStore(path)) as router:
        assert await router.feedback(decision.id, rating=5)
        quality = (await router.open()).learner.models.head(Head.QUALITY)
        assert quality.counts.sum() == 0
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT signal, value FROM observations").fetchall() == [
            ("rating", 1.0)
        ]
