"""Warmth: leaving a model that has just read the conversation costs its discount, unless for a better one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conduit.bandits.estimates import Estimates
from conduit.core.arms import Arm, Price
from conduit.core.budgets import Scope, ScopeKind
from conduit.core.chat import Chat
from conduit.core.clocks import ManualClock
from conduit.core.decisions import Decision
from conduit.core.models import Query, QueryConstraints
from conduit.engines.errand import Errand
from conduit.engines.warmth import (
    FORGOTTEN_AFTER,
    LEAST_TOKENS,
    MOST,
    Thread,
    Warm,
    Warmth,
    thread_of,
)
from conduit.engines.wishing import DISCOUNT, lost_discount
from tests.engines.builders import EQUAL, router_of

LONG = {"role": "system", "content": "rules " * 1000}
ASKED = {"role": "user", "content": "hello"}
SAID = {"role": "assistant", "content": "hi"}


def _errand(*messages: dict[str, str], session: str | None = None, **options: object) -> Errand:
    scopes = () if session is None else (Scope(ScopeKind.SESSION, session),)
    chat = Chat(messages=messages, options=options)
    return Errand(query=Query("hello", chat=chat), scopes=scopes)


def _warm(warmth: Warmth, *messages: dict[str, str], **options: object) -> Warm | None:
    return warmth.of(thread_of(_errand(*messages, **options)))


def test_a_conversation_that_goes_on_is_recognized_by_its_beginning() -> None:
    """The longest beginning that was served tells who has read it, and how much of it."""
    warmth = Warmth(ManualClock())
    first = thread_of(_errand(LONG, ASKED))
    second = thread_of(_errand(LONG, ASKED, SAID, ASKED))
    assert first is not None
    assert second is not None
    warmth.served(first, arm="a")
    warmth.served(second, arm="b")
    assert _warm(warmth, LONG, ASKED, SAID, ASKED, SAID, ASKED) == Warm("b", second.tokens)
    assert _warm(warmth, LONG, ASKED, SAID, LONG) == Warm("a", first.tokens)


def test_the_same_conversation_anew_and_another_one_are_cold() -> None:
    """A beginning is a proper one; a changed message or tool changes all that follows."""
    warmth = Warmth(ManualClock())
    warmth.served(thread_of(_errand(LONG, ASKED)), arm="a")
    assert _warm(warmth, LONG, ASKED) is None
    assert _warm(warmth, SAID, LONG, ASKED, SAID) is None
    assert _warm(warmth, LONG, ASKED, SAID, tools=[{"name": "f"}]) is None
    assert warmth.of(thread_of(Errand(query=Query("hello")))) is None


def test_a_session_is_recognized_by_its_name() -> None:
    """Where no beginning is known, the session's last call is what is warm, as far as it goes."""
    warmth = Warmth(ManualClock())
    warmth.served(thread_of(_errand(LONG, ASKED, session="s")), arm="a")
    whole = thread_of(_errand(LONG, session="s"))
    assert whole is not None
    assert warmth.of(whole) == Warm("a", whole.tokens)
    assert warmth.of(thread_of(_errand(LONG, SAID, session="t"))) is None


def test_what_providers_forget_or_never_kept_is_cold() -> None:
    """Five minutes later, or below a thousand tokens, there is no discount to lose."""
    clock = ManualClock()
    warmth = Warmth(clock)
    brief = {"role": "user", "content": "x" * 4 * (LEAST_TOKENS - 10)}
    assert thread_of(_errand(brief)) is None
    warmth.served(thread_of(_errand(brief)), arm="a")
    assert _warm(warmth, brief, LONG) is None
    warmth.served(thread_of(_errand(LONG)), arm="a")
    clock.advance(FORGOTTEN_AFTER - 1)
    assert _warm(warmth, LONG, SAID) is not None
    clock.advance(1)
    assert _warm(warmth, LONG, SAID) is None


def test_memory_is_bounded() -> None:
    """The conversation served longest ago is forgotten first."""
    warmth = Warmth(ManualClock())
    warmth.served(thread_of(_errand(LONG, ASKED)), arm="a")
    for n in range(MOST):
        warmth.served(Thread((str(n),), None, LEAST_TOKENS), arm="b")
    assert _warm(warmth, LONG, ASKED, SAID) is None


_unit = st.floats(0, 1)


def all_of(arms: list[Arm]) -> NDArray[np.bool_]:
    """Every arm may be chosen."""
    return np.ones(len(arms), np.bool_)


def _estimates(quality: list[float]) -> Estimates:
    n = len(quality)
    zeros = np.zeros(n)
    return Estimates(
        quality=np.array(quality),
        quality_std=zeros,
        availability=np.ones(n),
        cost=zeros,
        cost_high=zeros,
        latency=zeros,
        latency_high=zeros,
        observations=np.zeros(n, np.int64),
        ratings=zeros,
    )


@given(st.lists(_unit, min_size=2, max_size=6), st.integers(0, 5), st.integers(0, 10**6))
def test_an_upgrade_is_never_charged(quality: list[float], place: int, tokens: int) -> None:
    """Neither the warm arm nor a better one is; all others are, the same: the warm arm's discount."""
    here = place % len(quality)
    arms = [
        Arm(id=f"arm{k}", provider="p", price=Price(input=1.0 + k, output=2))
        for k in range(len(quality))
    ]
    charges = lost_discount(
        _estimates(quality), arms, Warm(f"arm{here}", tokens), allowed=all_of(arms)
    )
    lost = DISCOUNT * (1.0 + here) * tokens / 1e6
    for k, charge in enumerate(charges.tolist()):
        better = quality[k] > quality[here]
        assert charge == pytest.approx(0.0 if better or k == here else lost)


def test_an_arm_that_is_gone_or_has_no_price_costs_nothing_to_leave() -> None:
    """There is no discount that is known, or no way to keep it."""
    unpriced = [Arm(id="a", provider="p"), Arm(id="b", provider="p")]
    estimates = _estimates([0.5, 0.5])
    for arms, warm, allowed in (
        (unpriced, "a", [True, True]),
        (EQUAL, "gone", [True, True]),
        (EQUAL, "poet", [False, True]),
    ):
        charges = lost_discount(estimates, arms, Warm(warm, 9999), allowed=np.array(allowed))
        assert charges.tolist() == [0, 0]


@given(st.lists(st.sampled_from([1, 2, 3, 4, 5]), min_size=4, max_size=4), st.integers(0, 1))
async def test_a_better_model_is_no_less_likely_for_the_warmth_of_another(
    ratings: list[int], seed: int
) -> None:
    """Through the whole decision: what is taken from worse arms goes to the warm and better ones."""
    async with router_of(*EQUAL, seed=seed, optimize_for="cost", clock=ManualClock()) as router:
        for k, rating in enumerate(ratings):
            made = await router.complete("hello", models=[EQUAL[k % 2].id])
            await router.feedback(made.decision_id, rating=rating)
        engine = await router.open()
        deciding = engine.deciding
        errand = _errand(LONG, ASKED, SAID, ASKED)
        cold = await deciding.decide(errand)
        deciding.warmth.served(thread_of(_errand(LONG, ASKED)), arm="poet")
        warm = await deciding.decide(errand)
    _no_upgrade_is_lost(cold, warm)


def _no_upgrade_is_lost(cold: Decision, warm: Decision) -> None:
    poet, coder = (cold.estimates[name].mean for name in ("poet", "coder"))
    if coder > poet:
        assert warm.probabilities["coder"] == pytest.approx(cold.probabilities["coder"])
    else:
        assert warm.probabilities["coder"] <= cold.probabilities["coder"] + 1e-12
        assert warm.probabilities["poet"] >= cold.probabilities["poet"] - 1e-12


async def test_what_is_lost_is_weighed_at_the_price_of_money() -> None:
    """A long conversation keeps two equal models apart; a short one does not."""
    async with router_of(*EQUAL, seed=0, optimize_for="cost", clock=ManualClock()) as router:
        engine = await router.open()
        long = {"role": "system", "content": "rules " * 100_000}
        engine.deciding.warmth.served(thread_of(_errand(long, ASKED)), arm="poet")
        stays = await engine.deciding.decide(_errand(long, ASKED, SAID, ASKED))
        free = await engine.deciding.decide(_errand(ASKED, SAID, ASKED))
    assert stays.probabilities["poet"] > 0.9
    assert free.probabilities["poet"] == pytest.approx(0.5)


async def test_a_decision_is_one_request_however_often_it_weighs_and_chooses() -> None:
    """A budget per day counts decisions: warm ones, and those for which there is no way around a model."""
    query = Query("hello", constraints=QueryConstraints(max_cost=0.01))
    dear = Arm(id="dear", provider="local", price=Price(input=1e4, output=1e4))
    async with router_of(EQUAL[0], dear, budget_per_day=5.0) as router:
        engine = await router.open()
        features = await engine.deciding.analysis.of("hello")
        for decisions, options in enumerate(
            [{}, {"warm": Warm("poet", 4000)}, {"without": ("poet",)}], start=1
        ):
            engine.decider.decide(query, features, engine.learner.models, **options)
            assert engine.decider.steering.ledger().amounts["served"] == decisions
