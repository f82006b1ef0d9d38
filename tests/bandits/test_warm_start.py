"""Warm start: evidence of labelled outcomes, and what it weighs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.bandits.models import ArmModels
from conduit.bandits.targets import COST_FLOOR, LATENCY_FLOOR
from conduit.bandits.warm_start import LabelledOutcomes, evidence_of
from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Head
from conduit.core.statistics import SufficientStatistics
from tests.bandits.builders import contexts, observed, priced

ARMS = ("a", "b")
DIM = 5


def labelled(seed: int = 0, *, n: int = 40, known: float = 1.0) -> LabelledOutcomes:
    """Random outcomes of two arms, of which a share is known."""
    rng = np.random.default_rng(seed)

    def matrix(low: float, high: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        values = rng.uniform(low, high, (n, 2))
        return np.where(rng.random((n, 2)) <= known, values, np.nan)

    return LabelledOutcomes(
        contexts=contexts(rng, n, DIM),
        quality=matrix(0, 1),
        cost=matrix(1e-6, 1e-2),
        output_tokens=matrix(1, 900),
        latency=matrix(0.1, 9),
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), known=st.sampled_from([0.2, 0.7, 1.0]))
def test_a_warm_start_is_what_observing_each_outcome_would_have_taught(
    seed: int, known: float
) -> None:
    """With n_eff beyond the data, estimates equal those after observing every known value."""
    outcomes = labelled(seed, known=known)
    warm = ArmModels(priced(*ARMS), dim=DIM, statistics=evidence_of(ARMS, outcomes, n_eff=math.inf))
    live = ArmModels(priced(*ARMS), dim=DIM)
    for head, values in outcomes.heads():
        for k, arm in enumerate(ARMS):
            for x, value in zip(outcomes.contexts, values[:, k], strict=True):
                if not np.isnan(value):
                    y = value if head is Head.QUALITY else math.log(value)
                    live.learn(observed(arm, head, y), x)
    for head, _ in outcomes.heads():
        live.head(head).rebuild()
    x = contexts(np.random.default_rng(seed + 1), 1, DIM)[0]
    for name in ("quality", "quality_std", "cost", "cost_high", "latency", "ratings"):
        found, expected = (
            getattr(models.estimate(x, token_count=50), name) for models in (warm, live)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-8)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 99),
    known=st.sampled_from([0.1, 0.6, 1.0]),
    n_eff=st.floats(0.5, 100),
)
def test_evidence_weighs_at_most_n_eff_ratings_per_arm_and_head(
    seed: int, known: float, n_eff: float
) -> None:
    """Each known value weighs one rating until there are n_eff; then they share n_eff alike."""
    outcomes = labelled(seed, known=known)
    evidence = evidence_of(ARMS, outcomes, n_eff=n_eff)
    for head, values in outcomes.heads():
        for k, arm in enumerate(ARMS):
            n = int((~np.isnan(values[:, k])).sum())
            if n == 0:
                assert (arm, head.value) not in evidence
                continue
            sums = evidence[arm, head.value]
            assert sums.count == n
            assert sums.weight == pytest.approx(min(n, n_eff))
            assert sums.A[0, 0] == pytest.approx(sums.weight)


def test_scaling_keeps_the_mean_and_adds_doubt() -> None:
    """The same outcomes at a tenth of the weight say much the same, less surely."""
    outcomes = labelled(n=2000)
    x = outcomes.contexts[0]
    heavy, light = (
        ArmModels(priced(*ARMS), dim=DIM, statistics=evidence_of(ARMS, outcomes, n_eff=n_eff))
        for n_eff in (2000, 200)
    )
    much, less = (models.estimate(x, token_count=50) for models in (heavy, light))
    np.testing.assert_allclose(much.quality, less.quality, atol=0.05)
    assert (less.quality_std > 2 * much.quality_std).all()


def test_what_cannot_be_a_logarithm_is_learned_as_the_floor() -> None:
    """Free, instant and empty answers are learned as the smallest that can be told apart."""
    zero = np.zeros((1, 2))
    evidence = evidence_of(
        ARMS,
        LabelledOutcomes(
            contexts=np.ones((1, 1)), quality=zero, cost=zero, output_tokens=zero, latency=zero
        ),
    )
    assert evidence["a", "log_cost"].b[0] == pytest.approx(math.log(COST_FLOOR))
    assert evidence["a", "log_latency"].b[0] == pytest.approx(math.log(LATENCY_FLOOR))
    assert evidence["a", "log_tokens"].b[0] == 0.0


def test_nothing_known_is_no_evidence() -> None:
    """Columns that were not recorded give no sums; neither do arms that were never labelled."""
    quality = np.array([[0.5, np.nan]])
    evidence = evidence_of(ARMS, LabelledOutcomes(contexts=np.ones((1, 3)), quality=quality))
    assert list(evidence) == [("a", "quality")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"quality": np.array([[1.5, 0.0]])}, r"1\.5 is no quality; give 0\.\.1"),
        ({"quality": np.array([[-0.1, 0.0]])}, r"-0\.1 is no quality"),
        ({"cost": np.array([[np.inf, 0.0]])}, "inf is no cost"),
        ({"latency": np.array([[-1.0, 0.0]])}, r"-1\.0 is no latency"),
        ({"output_tokens": np.ones((2, 2))}, "log_tokens has shape"),
        ({"contexts": np.full((1, 3), np.nan)}, "context is not finite"),
    ],
)
def test_values_that_make_no_sense_are_refused(changed: dict[str, Any], said: str) -> None:
    """Each is an input error that names the value."""
    given_ = {"contexts": np.ones((1, 3)), "quality": np.array([[0.5, 0.5]])} | changed
    with pytest.raises(InvalidInputError, match=said):
        LabelledOutcomes(**given_)


@pytest.mark.parametrize("n_eff", [0.0, -1.0, math.nan])
def test_a_weight_that_is_none_is_refused(n_eff: float) -> None:
    """n_eff is above 0; arms and columns are as many."""
    with pytest.raises(InvalidInputError, match="n_eff="):
        evidence_of(ARMS, labelled(), n_eff=n_eff)
    with pytest.raises(InvalidInputError, match="3 arms for 2 columns"):
        evidence_of(("a", "b", "c"), labelled())


@pytest.mark.parametrize("contextual", [True, False])
def test_absorbing_is_starting_with_the_sum(*, contextual: bool) -> None:
    """Evidence taken in while running gives the estimates of a start from both sums."""
    first, second = (evidence_of(ARMS, labelled(seed, n=30)) for seed in (1, 2))
    second["a", Head.AVAILABILITY.value] = SufficientStatistics.of(np.eye(1, DIM), np.zeros(1))
    second["stranger", "quality"] = second["a", "quality"]
    running, restarted = (
        ArmModels(priced(*ARMS), dim=DIM, statistics=known, contextual=contextual)
        for known in (
            first,
            second | {key: sums + second[key] for key, sums in first.items()},
        )
    )
    running.absorb(second)
    x = labelled().contexts[0]
    for name in ("quality", "quality_std", "cost", "latency", "ratings", "availability"):
        found, expected = (
            getattr(models.estimate(x, token_count=50), name) for models in (running, restarted)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_the_prior_follows_evidence_however_many_outcomes_it_came_from() -> None:
    """After a warm start worth 20 ratings, a few live ratings rebuild, as after 20 live ones."""
    outcomes = labelled(n=2000)
    models = ArmModels(priced(*ARMS), dim=DIM, statistics=evidence_of(ARMS, outcomes, n_eff=20))
    head = models.head(Head.QUALITY)
    before = head.posterior
    for x in outcomes.contexts[:10]:
        head.observe(0, x, 0.5)
    assert head.posterior is not before


def test_money_follows_live_tokens_once_they_outweigh_recorded_cost() -> None:
    """A thousand recorded costs worth 20 ratings give way to more live observations of length."""
    costs = LabelledOutcomes(
        contexts=np.ones((1000, 1)),
        quality=np.full((1000, 1), 0.5),
        cost=np.full((1000, 1), 7.0),
    )
    models = ArmModels(priced("a"), dim=1, statistics=evidence_of(("a",), costs, n_eff=20))
    assert models.estimate(np.ones(1), token_count=10).cost[0] == pytest.approx(7.0, rel=0.2)
    for _ in range(30):
        models.learn(observed("a", Head.LOG_TOKENS, math.log(100)), np.ones(1))
    assert models.estimate(np.ones(1), token_count=10).cost[0] < 0.1
