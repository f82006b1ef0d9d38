"""Warm start of a router: labelled outcomes decide from the first request on, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conduit.core.clocks import ManualClock
from conduit.core.errors import InvalidInputError, LayoutMismatchError
from conduit.core.models import MAX_TEXT_BYTES
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines.warm_start import digest_of, warm_start
from conduit.features.encoders.hashing import HashingEncoder
from conduit.stores.memory import MemoryStore
from conduit.stores.sql import SQLStore
from tests.engines.builders import CODE, EQUAL, VERSE, labelled_outcomes, router_of

NAMES = ("poet", "coder")


def outcomes() -> RecordedOutcomes:
    """The poet is good at verse, the coder at code."""
    return labelled_outcomes(*NAMES)


async def test_a_router_knows_from_the_start_what_was_labelled(tmp_path: Path) -> None:
    """The taught router, and a new one on its database, send each prompt to its model."""
    store = SQLStore(tmp_path / "conduit.db")
    async with router_of(*EQUAL, store=store, clock=ManualClock(123.0)) as router:
        told: list[int] = []
        done = await warm_start(router, outcomes(), n_eff=40, progress=told.append)
        assert (done.changed, done.source.absorbed_at, sum(told)) == (True, 123.0, 50)
        assert done.weights["poet", "quality"] == pytest.approx(40)
        taught = [await router.route(prompt) for prompt in (*VERSE, *CODE)]
    async with router_of(*EQUAL, store=SQLStore(tmp_path / "conduit.db")) as router:
        read = [await router.route(prompt) for prompt in (*VERSE, *CODE)]
    for decisions in (taught, read):
        for decision, model in zip(decisions, ["poet"] * 5 + ["coder"] * 5, strict=True):
            assert decision.probabilities[model] > 0.8
            assert decision.estimates[model].mean > 0.7
    assert [d.estimates["poet"].mean for d in taught] == pytest.approx(
        [d.estimates["poet"].mean for d in read]
    )


async def test_the_same_outcomes_again_change_nothing() -> None:
    """Twice, and in another order of rows and models, is once; encoding is not done again."""
    store = MemoryStore()
    async with router_of(*EQUAL, store=store) as router:
        first = await warm_start(router, outcomes())
        state = await store.load()
        told: list[int] = []
        turned = outcomes().shuffled(np.random.default_rng(1)).select(NAMES[::-1])
        again = await warm_start(router, turned, progress=told.append)
        assert (again.changed, again.source, told) == (False, first.source, [])
        assert (await store.load()).version == state.version
        with pytest.raises(InvalidInputError, match="absorbed with n_eff=1000, not 7"):
            await warm_start(router, outcomes(), n_eff=7)


def test_outcomes_that_say_something_else_are_others() -> None:
    """The digest depends on every label and text, and not on names, categories or order."""
    base = outcomes()
    moved = base.quality.copy()
    moved[3, 1] += 1e-9
    other = [
        replace(base, quality=moved),
        replace(base, texts=("else", *base.texts[1:])),
        replace(base, models=("poet", "painter")),
        replace(base, latency=np.full(base.quality.shape, 1.0)),
        replace(base, latency=np.full(base.quality.shape, np.nan)),
        base.limit(49),
    ]
    same = [replace(base, name="x", categories=base.query_ids), base.select(NAMES[::-1])]
    digests = {digest_of(each) for each in other}
    assert len(digests | {digest_of(base)}) == len(other) + 1
    assert {digest_of(each) for each in same} == {digest_of(base)}


async def test_what_cannot_be_used_leaves_no_trace(tmp_path: Path) -> None:
    """Unknown models, a prompt that is too long and a senseless n_eff change and open nothing."""
    path = tmp_path / "conduit.db"
    endless = replace(outcomes(), texts=("x" * (MAX_TEXT_BYTES + 1), *outcomes().texts[1:]))
    strangers = labelled_outcomes("painter", "poet", "piper")
    for given, n_eff, said in (
        (strangers, 9.0, "unknown models 'painter', 'piper'; .*: poet, coder"),
        (endless, 9.0, "bytes"),
        (outcomes(), 0.0, "n_eff=0"),
    ):
        router = router_of(*EQUAL, store=SQLStore(path))
        with pytest.raises(InvalidInputError, match=said):
            await warm_start(router, given, n_eff=n_eff)
        await router.aclose()
        assert not path.exists()


class OtherEncoder(HashingEncoder):
    """The same vectors under another name."""

    @property
    def name(self) -> str:
        """Identity of the weights."""
        return "other"


async def test_state_of_another_encoder_is_left_as_it_was(tmp_path: Path) -> None:
    """A database learned in another layout refuses the evidence."""
    path = tmp_path / "conduit.db"
    async with router_of(*EQUAL, store=SQLStore(path)) as router:
        await warm_start(router, outcomes())
    router = router_of(*EQUAL, store=SQLStore(path), encoder=OtherEncoder())
    with pytest.raises(LayoutMismatchError):
        await warm_start(router, labelled_outcomes("poet"))
    await router.aclose()
    store = SQLStore(path)
    await store.open()
    assert len(await store.sources()) == 1
    await store.close()


async def test_ratings_outweigh_a_light_start_sooner_than_a_heavy_one() -> None:
    """After the same contrary ratings, what was labelled counts the more, the more it weighs.

    Four ratings are too few for vigilance, which would throw the start away.
    """
    leads = []
    for n_eff in (5, 20, 50):
        async with router_of(*EQUAL, seed=1) as router:
            await warm_start(router, outcomes(), n_eff=n_eff)
            for turn in range(4):
                for model in NAMES:
                    decision = await router.route(VERSE[turn % 5], models=[model])
                    await router.feedback(decision.id, rating=1 if model == "poet" else 5)
            seen = (await router.route(VERSE[0])).estimates
            leads.append(seen["poet"].mean - seen["coder"].mean)
    assert leads == sorted(leads)
    assert leads[-1] > leads[0] + 0.1
