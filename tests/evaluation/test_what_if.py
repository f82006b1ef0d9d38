"""Replaying rules over logged situations, and comparing what they would have given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conduit.bandits.policies import policy_named
from conduit.core.errors import InvalidInputError, UnknownModelError, UnknownPolicyError
from conduit.core.models import OptimizeFor
from conduit.evaluation.knowledge import Knowledge, Rates
from conduit.evaluation.log_frame import LogFrame
from conduit.evaluation.logged import Outcome
from conduit.evaluation.off_policy import Estimate, Method
from conduit.evaluation.rule_replay import replayed
from conduit.evaluation.support import Reason
from conduit.evaluation.trade_off import TradeOff
from conduit.evaluation.what_if import compared, what_if

from .worlds import ARMS, COST, Floats, a_world

N = 300


@pytest.fixture
def frame() -> LogFrame:
    """A log of 300 decisions, all arms on offer."""
    log = a_world(1, N).drawn(np.random.default_rng(1))
    everything = np.ones((N, 3), bool)
    knowledge = Knowledge(
        known=everything,
        offered=everything,
        quality_std=np.full((N, 3), 0.05),
        latency=np.full((N, 3), np.nan),
        observations=np.full((N, 3), 40.0),
        ratings=np.full((N, 3), 40.0),
        complexity=np.linspace(0, 1, N),
        probed=np.zeros((N, 3)),
        rates=Rates.unknown(N),
    )
    return LogFrame(
        log=log, knowledge=knowledge, decisions=N, excluded={}, policies={"thompson": N}
    )


def by_name(frame: LogFrame, name: str, trade_off: TradeOff | None = None) -> Floats:
    return replayed(frame, policy_named(name, models=frame.log.arms), trade_off)


def test_static_policies_are_what_they_say(frame: LogFrame) -> None:
    """Fixed and cheapest are one arm, random is even, best has the highest logged mean."""
    assert (by_name(frame, "fixed:middling")[:, 1] == 1).all()
    assert (by_name(frame, "cheapest")[:, 0] == 1).all()
    assert by_name(frame, "random") == pytest.approx(1 / 3)
    best = frame.log.expected_quality.clip(0, 1).argmax(axis=1)
    clear = (frame.log.expected_quality < 1).all(axis=1)
    assert (by_name(frame, "best").argmax(axis=1) == best)[clear].all()


@pytest.mark.parametrize("name", ["thompson", "linucb", "epsilon_greedy", "cheapest", "random"])
def test_a_replay_is_a_distribution_over_what_was_on_offer(frame: LogFrame, name: str) -> None:
    """Probabilities sum to 1, and an arm that a constraint excluded gets none."""
    offered = frame.knowledge.offered.copy()
    offered[::2, 0] = False
    limited = replace(frame, knowledge=replace(frame.knowledge, offered=offered))
    target = by_name(limited, name)
    np.testing.assert_allclose(target.sum(axis=1), 1)
    assert (target >= 0).all()
    assert (target[::2, 0] == 0).all()


def test_arms_without_an_estimate_are_not_chosen(frame: LogFrame) -> None:
    """A row that did not know an arm is decided among the others."""
    known = np.tile([True, False, True], (N, 1))
    late = replace(frame, knowledge=replace(frame.knowledge, known=known, offered=known))
    assert (by_name(late, "thompson")[:, 1] == 0).all()


def test_who_minds_money_more_spends_less(frame: LogFrame) -> None:
    """The trade-off moves the replay of one rule, in the unit it is given."""
    cost = COST.max()
    spend = {
        wanted: float(
            (
                by_name(frame, "thompson", TradeOff(optimize_for=wanted, unit_cost=cost)) @ COST
            ).mean()
        )
        for wanted in (OptimizeFor.QUALITY, OptimizeFor.BALANCED, OptimizeFor.COST)
    }
    assert spend[OptimizeFor.QUALITY] > spend[OptimizeFor.BALANCED] > spend[OptimizeFor.COST]


def test_latency_counts_where_it_is_known(frame: LogFrame) -> None:
    """Optimizing for speed moves to the fast arm once latencies are in the log."""
    seconds = np.tile([30.0, 1.0, 30.0], (N, 1))
    timed = replace(frame, knowledge=replace(frame.knowledge, latency=seconds))
    speed = TradeOff(optimize_for=OptimizeFor.SPEED)
    assert (by_name(timed, "thompson", speed)[:, 1] > 0.9).all()
    assert by_name(frame, "thompson", speed)[:, 1].mean() < 0.9


def test_estimates_of_its_own_cannot_be_replayed(frame: LogFrame) -> None:
    """A policy that sees no context cannot be replayed from contextual estimates, but from its own."""
    with pytest.raises(InvalidInputError, match="needs estimates of its own"):
        by_name(frame, "thompson_noncontextual")
    own = replace(frame, policies={"thompson_noncontextual": N})
    np.testing.assert_allclose(by_name(own, "thompson_noncontextual").sum(axis=1), 1)


@pytest.mark.parametrize(
    ("logged", "asked"),
    [
        ("knn", "thompson"),
        ("thompson", "knn"),
        ("thompson", "ucb1"),
        ("ucb1", "linucb"),
        ("ucb1", "knn"),
    ],
)
def test_rules_judge_by_estimates_of_their_own_kind(
    frame: LogFrame, logged: str, asked: str
) -> None:
    """Neighbours, contexts and plain means are different beliefs; who holds none may always be asked."""
    made = replace(frame, policies={logged: N})
    with pytest.raises(
        InvalidInputError, match=f"'{asked}' needs estimates of its own.*'{logged}'"
    ):
        by_name(made, asked)
    for name in ("cheapest", "random", "fixed:dear", logged):
        np.testing.assert_allclose(by_name(made, name).sum(axis=1), 1)


def test_complexity_needs_tiers(frame: LogFrame) -> None:
    """With the tiers of the models the threshold is replayed; without them the question is refused."""
    with pytest.raises(InvalidInputError, match="tier of 'cheap'"):
        by_name(frame, "complexity")
    policy = policy_named("complexity", models=frame.log.arms)
    tiers = dict(zip(ARMS, range(3), strict=True))
    target = replayed(frame, policy, tiers=tiers)
    simple = frame.knowledge.complexity < 0.6
    assert (target[simple, 0] == 1).all()
    assert (target[~simple, 2] == 1).all()


def test_how_hard_a_prompt_was_is_not_in_the_log(frame: LogFrame) -> None:
    """A policy that goes by it at first is refused, and what it is later is named."""
    with pytest.raises(
        InvalidInputError, match=r"rated_thompson.*does not hold.*ask about thompson"
    ):
        by_name(frame, "rated_thompson")


def test_money_is_worth_what_it_was_worth_then(frame: LogFrame) -> None:
    """Recorded rates come before today's units, and a budget's price takes the cost weight's place."""
    n = np.full(N, 1.0)
    rates = replace(Rates.unknown(N), unit_cost=n * 1e9, unit_latency=n, price_of_money=n * 0)
    today = TradeOff(unit_cost=1e-9)
    then = replace(frame, knowledge=replace(frame.knowledge, rates=rates))
    assert (by_name(frame, "linucb", today)[:, 0] > 0.9).all()
    assert by_name(then, "linucb", today)[:, 0].mean() < 0.5
    paced = replace(rates, unit_cost=n * 1e-9, budget=n)
    assert (
        by_name(replace(frame, knowledge=replace(frame.knowledge, rates=paced)), "linucb")[
            :, 0
        ].mean()
        < 0.5
    )
    dear = replace(paced, price_of_money=n * 1e9)
    priced = replace(frame, knowledge=replace(frame.knowledge, rates=dear))
    assert (by_name(priced, "linucb")[:, 0] > 0.9).all()


def at_rates(frame: LogFrame, **rates: float) -> LogFrame:
    """The log with these rates on record for every decision."""
    known = {"unit_cost": 5e-3, "unit_latency": 1.0, "price_of_money": 0.0} | rates
    columns = {name: np.full(N, value) for name, value in known.items()}
    made = replace(Rates.unknown(N), **columns)
    return replace(frame, knowledge=replace(frame.knowledge, rates=made))


def test_every_decision_keeps_its_own_weights_unless_others_are_asked_for(
    frame: LogFrame,
) -> None:
    """Weights on record are what a replay values; a preset replaces them, but no goal's price."""
    weighed = {"quality_weight": 0.4, "cost_weight": 0.5, "latency_weight": 0.1}
    free, own = at_rates(frame), at_rates(frame, **weighed)
    cost, balanced = (TradeOff(optimize_for=OptimizeFor(it)) for it in ("cost", "balanced"))
    np.testing.assert_allclose(by_name(own, "thompson"), by_name(free, "thompson", cost))
    np.testing.assert_allclose(
        by_name(own, "thompson", balanced), by_name(free, "thompson", balanced)
    )
    goal = at_rates(frame, **(weighed | {"cost_weight": 0.0}))
    quality_only = TradeOff(optimize_for=OptimizeFor.COST, unit_cost=1e12)
    np.testing.assert_allclose(
        by_name(goal, "thompson", cost), by_name(frame, "thompson", quality_only), atol=1e-9
    )


def test_a_price_of_money_without_weights_is_refused(frame: LogFrame) -> None:
    """An older log does not tell a target of quality from a hard budget: who weighs money is refused."""
    older = at_rates(frame, price_of_money=10.0)
    for name in ("thompson", "linucb", "squarecb", "epsilon_greedy"):
        with pytest.raises(InvalidInputError, match=f"'{name}' weighs money, and 300 of 300"):
            by_name(older, name)
    for name in ("cheapest", "best", "random", "fixed:dear"):
        np.testing.assert_allclose(by_name(older, name).sum(axis=1), 1)
    paced = at_rates(frame, price_of_money=10.0, budget=1e-3)
    np.testing.assert_allclose(by_name(paced, "thompson").sum(axis=1), 1)


def test_names_that_are_none_are_refused(frame: LogFrame) -> None:
    """Unknown policies and models are named, on either side of the comparison."""
    with pytest.raises(UnknownPolicyError):
        what_if(frame, "luck")
    with pytest.raises(UnknownModelError):
        what_if(frame, "random", against="fixed:gpt-99")


def test_a_comparison_answers_both_outcomes_by_both_methods(frame: LogFrame) -> None:
    """Quality and spend, SNIPS and DR, the policy and its difference from the logged one."""
    said = what_if(frame, "random")
    assert said.refusal is None
    every = {(outcome, method) for outcome in Outcome for method in Method}
    assert said.target.keys() == said.difference.keys() == every
    for key in every:
        target, gap = said.target[key], said.difference[key]
        assert isinstance(target, Estimate)
        assert isinstance(gap, Estimate)
        assert target.low < target.value < target.high
    logged = said.logged[Outcome.QUALITY]
    target, gap = (d[Outcome.QUALITY, Method.SNIPS] for d in (said.target, said.difference))
    assert isinstance(logged, Estimate)
    assert isinstance(target, Estimate)
    assert isinstance(gap, Estimate)
    assert gap.value == pytest.approx(target.value - logged.value)
    assert 0 < said.changed < 1


def test_the_logged_policy_changes_nothing(frame: LogFrame) -> None:
    """Compared with itself a policy changes no decision and makes no difference."""
    said = compared(frame.log, frame.log.propensity)
    assert said.changed == pytest.approx(0)
    assert {it.value for it in said.difference.values() if isinstance(it, Estimate)} == {0.0}


def test_a_question_without_any_answer_says_why(frame: LogFrame) -> None:
    """Where every figure of a policy is refused, the comparison has a reason."""
    one_hot = replace(frame.log, propensity=np.eye(len(ARMS))[frame.log.chosen])
    refusal = what_if(replace(frame, log=one_hot), "random").refusal
    assert refusal is not None
    assert refusal.reason is Reason.NO_RANDOMNESS
    assert refusal.error().exit_code == 1
