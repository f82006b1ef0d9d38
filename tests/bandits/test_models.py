"""What is learned of the arms: quality, cost from tokens and prices, latency, availability."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conduit.bandits.estimates import Estimates
from conduit.bandits.models import ArmModels
from conduit.bandits.utility import PRESETS, Valuation
from conduit.core.arms import Arm, Price
from conduit.core.models import OptimizeFor
from conduit.core.outcomes import Head
from conduit.core.statistics import Array, SufficientStatistics
from tests.bandits.builders import contexts, observed, priced

DIM = 4
NAMES = ("small", "medium", "large")
PLAIN = np.array([1.0, 0.0, 0.0, 0.0])
TARGET = {
    Head.QUALITY: 0.4,
    Head.LOG_TOKENS: 5.0,
    Head.LOG_COST: -6.0,
    Head.LOG_LATENCY: 1.0,
    Head.AVAILABILITY: 0.0,
}


def models_of(*names: str, contextual: bool = True) -> ArmModels:
    """Fresh models of priced arms."""
    return ArmModels(priced(*names), dim=DIM, contextual=contextual)


FIGURES = [name for name in Estimates.__dataclass_fields__ if name != "arms"]
"""Fields that hold a number per arm."""


def same(a: Estimates, b: Estimates) -> None:
    """Assert that two sets of estimates agree to 1e-9 in every field."""
    for name in FIGURES:
        np.testing.assert_allclose(
            getattr(a, name), getattr(b, name), rtol=1e-9, atol=1e-12, err_msg=name
        )


def at(models: ArmModels, x: Array = PLAIN, *, max_tokens: int | None = None) -> Estimates:
    """Estimates for a prompt of 50 tokens."""
    return models.estimate(x, token_count=50, max_tokens=max_tokens)


def test_expected_cost_is_the_mean_over_lognormal_answers() -> None:
    """Cost is input at its price plus the *mean* length at the output price, within 4 errors."""
    rng = np.random.default_rng(31)
    models, X = models_of("small"), contexts(rng, 1500, DIM)
    sigma, spread = 0.9, np.array([5.0, 0.3, -0.2, 0.1])
    tokens = np.exp(X @ spread + sigma * rng.standard_normal(len(X)))
    for x, count in zip(X, tokens, strict=True):
        models.learn(observed("small", Head.LOG_TOKENS, float(np.log(count))), x)
    price = models.arms[0].price
    assert price is not None
    found = np.array([at(models, x).cost[0] for x in X[:400]])
    simulated = np.exp(X[:400] @ spread + sigma * rng.standard_normal((500, 400)))
    truth = np.array(price.cost(input_tokens=50, output_tokens=simulated.mean()))
    error = price.output * tokens.std() / np.sqrt(len(X)) / 1e6
    assert abs(found.mean() - truth) < 4 * error
    geometric = price.cost(input_tokens=50, output_tokens=float(np.exp(np.log(simulated).mean())))
    assert found.mean() - geometric > 4 * error


def test_the_upper_estimate_of_cost_covers_nineteen_calls_in_twenty() -> None:
    """Between 93 and 97 of 100 simulated calls cost at most cost_high."""
    rng = np.random.default_rng(32)
    models = models_of("small")
    for _ in range(800):
        models.learn(observed("small", Head.LOG_TOKENS, float(rng.normal(5.0, 0.6))), PLAIN)
    price, high = models.arms[0].price, at(models).cost_high[0]
    assert price is not None
    lengths = np.exp(rng.normal(5.0, 0.6, 20_000))
    covered = np.mean([price.cost(input_tokens=50, output_tokens=n) <= high for n in lengths])
    assert 0.93 <= covered <= 0.97


def test_a_limit_on_the_answer_limits_its_cost() -> None:
    """Neither the caller's max_tokens nor the arm's own limit is exceeded by an estimate."""
    arm = Arm(id="a", provider="p", price=Price(input=1.0, output=4.0), max_output_tokens=1000)
    models = ArmModels([arm], dim=DIM)
    for _ in range(30):
        models.learn(observed("a", Head.LOG_TOKENS, float(np.log(5000.0))), PLAIN)
    for asked, longest in ((None, 1000), (10, 10), (5000, 1000)):
        expected = Price(input=1.0, output=4.0).cost(input_tokens=50, output_tokens=longest)
        found = at(models, max_tokens=asked)
        assert found.cost[0] == pytest.approx(expected)
        assert found.cost_high[0] == pytest.approx(expected)


def test_an_estimate_never_leaves_what_was_seen_far_behind() -> None:
    """On a prompt far outside the data, length is at most 20 times the arm's running mean."""
    models = ArmModels(
        [Arm(id="a", provider="p", price=Price(input=0.0, output=1e6), max_output_tokens=10**9)],
        dim=DIM,
    )
    rng = np.random.default_rng(33)
    for x in contexts(rng, 200, DIM):
        models.learn(observed("a", Head.LOG_TOKENS, 4.0 + 2.0 * x[1]), x)
    seen = models.head(Head.LOG_TOKENS).running_mean()[0]
    assert at(models, np.array([1.0, 50.0, 0.0, 0.0])).cost[0] == pytest.approx(20 * seen)


def test_more_prompt_costs_more_at_the_input_price() -> None:
    """A thousand more prompt tokens cost a thousand times the arm's input price."""
    models = models_of(*NAMES)
    short, long = (models.estimate(PLAIN, token_count=n) for n in (10, 1010))
    np.testing.assert_allclose(long.cost - short.cost, [0.001, 0.002, 0.003])


def test_unpriced_arms_learn_their_cost() -> None:
    """Without a price, cost is learned as it was paid; a priced arm beside it is unaffected."""
    arms = [Arm(id="recorded", provider="p"), *priced("small")]
    models = ArmModels(arms, dim=DIM)
    before = at(models)
    rng = np.random.default_rng(34)
    paid = np.exp(rng.normal(-7.0, 0.4, 600))
    for cost in paid:
        models.learn(observed("recorded", Head.LOG_COST, float(np.log(cost))), PLAIN)
    after = at(models)
    assert after.cost[0] == pytest.approx(paid.mean(), rel=0.05)
    assert after.cost_high[0] == pytest.approx(np.exp(-7.0 + 1.645 * 0.4), rel=0.1)
    assert after.cost[1] == before.cost[1]


def test_a_cost_that_is_told_beats_the_price_list() -> None:
    """A priced arm whose costs are reported without tokens is estimated by those costs."""
    models = models_of("small")
    for _ in range(50):
        models.learn(observed("small", Head.LOG_COST, float(np.log(0.25))), PLAIN)
    assert at(models).cost[0] == pytest.approx(0.25, rel=0.1)


def test_one_cost_more_than_tokens_leaves_the_price_list_in_force() -> None:
    """Where tokens are known, a cost told without them lets estimates follow prompt and limit as before."""
    models = models_of("small")
    price = models.arms[0].price
    assert price is not None
    paid = float(np.log(price.cost(input_tokens=50, output_tokens=200)))
    for _ in range(50):
        models.learn(observed("small", Head.LOG_TOKENS, float(np.log(200.0))), PLAIN)
        models.learn(observed("small", Head.LOG_COST, paid), PLAIN)
    before, ordinary = at(models), models.ordinary_cost(models.arms[0])
    models.learn(observed("small", Head.LOG_COST, paid), PLAIN)
    same(at(models), before)
    assert models.ordinary_cost(models.arms[0]) == ordinary
    long = models.estimate(PLAIN, token_count=100_050, max_tokens=None)
    assert long.cost[0] - before.cost[0] == pytest.approx(100_000 * price.input / 1e6)
    assert at(models, max_tokens=10).cost[0] == pytest.approx(
        price.cost(input_tokens=50, output_tokens=10)
    )


@pytest.mark.parametrize("beside", [(), ("medium",)])
def test_a_cost_that_is_told_is_never_below_the_prompts_own_price(beside: tuple[str, ...]) -> None:
    """However cheap the calls were that costs are known of, a long prompt is paid by its length."""
    models = models_of("small", *beside)
    price = models.arms[0].price
    assert price is not None
    for _ in range(50):
        models.learn(observed("small", Head.LOG_COST, float(np.log(1e-4))), PLAIN)
    found = models.estimate(PLAIN, token_count=100_000, max_tokens=None)
    assert found.cost[0] == pytest.approx(100_000 * price.input / 1e6)
    assert found.cost_high[0] == pytest.approx(100_000 * price.input / 1e6)


def test_a_free_arm_costs_nothing() -> None:
    """A price of zero is zero, also as an upper quantile, so max_cost=0 can be satisfied."""
    models = ArmModels([Arm(id="local", provider="p", price=Price(input=0, output=0))], dim=DIM)
    assert at(models).cost[0] == 0.0
    assert at(models).cost_high[0] == 0.0


@pytest.mark.parametrize("head", list(Head))
def test_observations_of_unknown_arms_are_left_out(head: Head) -> None:
    """What is said of a model that is not among the arms changes nothing."""
    models = models_of(*NAMES)
    before = at(models)
    models.learn(observed("retired", head, TARGET[head]), PLAIN)
    same(at(models), before)


@pytest.mark.parametrize("head", list(Head))
def test_an_observation_concerns_its_head_alone(head: Head) -> None:
    """Each head moves its own estimates: no rating changes cost, no latency changes quality."""
    moved = {
        Head.QUALITY: {"quality", "quality_std", "observations", "ratings"},
        Head.LOG_TOKENS: {"cost", "cost_high"},
        Head.LOG_COST: {"cost", "cost_high"},
        Head.LOG_LATENCY: {"latency", "latency_high"},
        Head.AVAILABILITY: {"availability"},
    }
    models = models_of(*NAMES)
    before = at(models)
    models.learn(observed("small", head, TARGET[head]), PLAIN)
    after = at(models)
    changed = {
        name
        for name in FIGURES
        if not np.array_equal(getattr(before, name), getattr(after, name), equal_nan=True)
    }
    assert changed
    assert changed <= moved[head]


def test_estimates_stay_as_they_were_given() -> None:
    """Learning afterwards does not reach into estimates already handed out."""
    models = models_of(*NAMES)
    before = at(models)
    kept = {name: getattr(before, name).copy() for name in FIGURES}
    for head in Head:
        models.learn(observed("small", head, TARGET[head]), PLAIN)
    for name, value in kept.items():
        np.testing.assert_array_equal(getattr(before, name), value, err_msg=name)


def test_latency_nobody_measured_is_not_a_number_and_does_not_count() -> None:
    """Without latency its estimate is NaN, and speed ranks as if latency had no weight."""
    models = models_of(*NAMES)
    estimates = at(models)
    assert np.isnan(estimates.latency).all()
    assert np.isnan(estimates.latency_high).all()
    speed = Valuation(weights=PRESETS[OptimizeFor.SPEED], unit_cost=1.0).utility(estimates)[0]
    assert np.isfinite(speed).all()
    models.learn(observed("small", Head.LOG_LATENCY, 0.0), PLAIN)
    assert np.isfinite(at(models).latency).all()


def test_expected_latency_is_a_mean_and_its_upper_estimate_a_quantile() -> None:
    """Latency of lognormal calls: the mean within 5%, and above it the 95% quantile within 10%."""
    models, rng = models_of("small"), np.random.default_rng(35)
    seconds = np.exp(rng.normal(0.5, 0.5, 1500))
    for each in seconds:
        models.learn(observed("small", Head.LOG_LATENCY, float(np.log(each))), PLAIN)
    assert at(models).latency[0] == pytest.approx(seconds.mean(), rel=0.05)
    assert at(models).latency_high[0] == pytest.approx(np.quantile(seconds, 0.95), rel=0.1)


def test_availability_falls_with_errors_and_recovers_with_answers() -> None:
    """It starts at 1, every failure lowers it, every answer raises it, and it stays in 0..1."""
    models = models_of(*NAMES)
    trail = [at(models).availability[0]]
    for value in (0.0, 0.0, 1.0, 1.0):
        models.learn(observed("small", Head.AVAILABILITY, value), PLAIN)
        trail.append(at(models).availability[0])
    assert trail[0] == 1.0
    assert trail[0] > trail[1] > trail[2] > 0
    assert trail[2] < trail[3] < trail[4] < 1
    assert at(models).availability[1:].tolist() == [1.0, 1.0]


def test_availability_is_unlearned_when_corrected() -> None:
    """A failure that turns out to be an answer leaves no trace but the call."""
    corrected, right = models_of("small"), models_of("small")
    corrected.learn(observed("small", Head.AVAILABILITY, 0.0), PLAIN)
    corrected.learn(observed("small", Head.AVAILABILITY, 1.0, previous=0.0), PLAIN)
    right.learn(observed("small", Head.AVAILABILITY, 1.0), PLAIN)
    same(at(corrected), at(right))


def test_a_corrected_rating_counts_once() -> None:
    """A changed rating leaves what the right rating alone would have left."""
    corrected, right = models_of("small"), models_of("small")
    x = np.array([1.0, 0.5, -0.5, 0.2])
    corrected.learn(observed("small", Head.QUALITY, 0.0, weight=0.7), x)
    corrected.learn(observed("small", Head.QUALITY, 1.0, weight=0.7, previous=0.0), x)
    right.learn(observed("small", Head.QUALITY, 1.0, weight=0.7), x)
    same(at(corrected, x), at(right, x))


def stored_after(seed: int) -> tuple[ArmModels, dict[tuple[str, str], SufficientStatistics]]:
    """Models that have learned something of every head, and the same as stored statistics."""
    rng = np.random.default_rng(seed)
    models, stored = models_of(*NAMES), {}
    for x in contexts(rng, 90, DIM):
        name, head = str(rng.choice(NAMES)), list(Head)[int(rng.integers(len(Head)))]
        y = TARGET[head] if head is not Head.AVAILABILITY else float(rng.integers(2))
        y += 0.1 * rng.random() if head is not Head.AVAILABILITY else 0.0
        models.learn(observed(name, head, y), x)
        sums = stored.get((name, head.value), SufficientStatistics.zero(DIM))
        stored[name, head.value] = sums.observe(x, y)
    return models, stored


def test_models_loaded_from_stored_statistics_know_the_same() -> None:
    """After a restart every estimate equals that of the models that lived through it."""
    lived, stored = stored_after(41)
    for head in set(Head) - {Head.AVAILABILITY}:
        lived.head(head).rebuild()
    loaded = ArmModels(priced(*NAMES), dim=DIM, statistics=stored)
    for x in contexts(np.random.default_rng(42), 5, DIM):
        same(at(loaded, x), at(lived, x))


def test_models_built_upon_earlier_ones_are_as_if_built_afresh() -> None:
    """Heads that learned nothing since are taken over; every estimate is that of fresh models, to the bit."""
    lived, stored = stored_after(46)
    upon = ArmModels(priced(*NAMES), dim=DIM, statistics=stored, before=lived)
    again = ArmModels(priced(*NAMES), dim=DIM, statistics=stored, before=upon)
    x = contexts(np.random.default_rng(47), 1, DIM)[0]
    key = ("small", Head.LOG_TOKENS.value)
    more = stored | {key: stored[key].observe(x, 7.0)}
    last = ArmModels(priced(*NAMES), dim=DIM, statistics=more, before=again)
    for built, sums in ((upon, stored), (again, stored), (last, more)):
        fresh = ArmModels(priced(*NAMES), dim=DIM, statistics=sums)
        for name in FIGURES:
            np.testing.assert_array_equal(getattr(at(built, x), name), getattr(at(fresh, x), name))
    assert again.head(Head.QUALITY) is upon.head(Head.QUALITY)
    assert last.head(Head.LOG_TOKENS) is not again.head(Head.LOG_TOKENS)


def test_heads_are_taken_over_at_the_same_prices_alone() -> None:
    """What is learned of cost depends on list prices: at others it is built anew."""
    _, stored = stored_after(48)
    models = ArmModels(priced(*NAMES), dim=DIM, statistics=stored)
    dearer = [replace(arm, price=Price(input=7.0, output=9.0)) for arm in priced(*NAMES)]
    moved = ArmModels(dearer, dim=DIM, statistics=stored, before=models)
    same(at(moved), at(ArmModels(dearer, dim=DIM, statistics=stored)))


def test_without_context_the_models_are_those_of_a_constant_context() -> None:
    """Non-contextual models equal contextual ones on d = 1, from the same stored statistics."""
    _, stored = stored_after(43)
    blind = ArmModels(priced(*NAMES), dim=DIM, statistics=stored, contextual=False)
    leading = {key: sums.leading(1) for key, sums in stored.items()}
    constant = ArmModels(priced(*NAMES), dim=1, statistics=leading)
    rng = np.random.default_rng(44)
    for x in contexts(rng, 20, DIM):
        same(at(blind, x), at(constant, x[:1]))
        blind.learn(observed("small", Head.QUALITY, float(x[1] > 0)), x)
        constant.learn(observed("small", Head.QUALITY, float(x[1] > 0)), x[:1])
    same(at(blind, PLAIN), at(blind, np.array([1.0, 9.0, -9.0, 3.0])))


def test_new_arms_start_beside_what_was_learned() -> None:
    """An arm without stored statistics starts fresh, and removes nothing from the others."""
    _, stored = stored_after(45)
    grown = ArmModels(priced(*NAMES, "new"), dim=DIM, statistics=stored)
    assert grown.head(Head.QUALITY).counts[3] == 0
    for k, name in enumerate(NAMES):
        expected = stored[name, Head.QUALITY.value]
        np.testing.assert_array_equal(grown.head(Head.QUALITY).statistics(k).A, expected.A)


def test_quality_starts_optimistic() -> None:
    """An arm of which nothing is known is expected to be good, so that it is tried."""
    found = at(models_of(*NAMES))
    assert (found.quality >= 0.9).all()
    assert (found.quality_std > 0).all()
    assert found.observations.tolist() == [0, 0, 0]


def test_an_ordinary_call_is_the_same_length_for_every_arm() -> None:
    """Ordinary calls at two list prices differ by their prices alone, whoever has served."""
    models = models_of(*NAMES)
    for tokens in (100.0, 200.0, 400.0):
        models.learn(observed("large", Head.LOG_TOKENS, float(np.log(tokens))), PLAIN)
    small, large = (models.ordinary_cost(models.arms[k]) for k in (0, 2))
    assert large == pytest.approx(3 * small)
    outsider = Arm(id="elsewhere", provider="p", price=Price(input=10.0, output=40.0))
    assert models.ordinary_cost(outsider) == pytest.approx(10 * small)


def test_an_ordinary_call_of_an_unpriced_arm_costs_what_its_calls_cost() -> None:
    """Where an arm has no list price, its own mean cost is the unit."""
    models = ArmModels([Arm(id="recorded", provider="p")], dim=DIM)
    for _ in range(20):
        models.learn(observed("recorded", Head.LOG_COST, float(np.log(0.02))), PLAIN)
    assert models.ordinary_cost(models.arms[0]) == pytest.approx(0.02)


def test_told_costs_scale_the_list_price() -> None:
    """Costs told at twice the list price make an ordinary call of any priced arm as much dearer."""
    cheap, dear = models_of(*NAMES), models_of(*NAMES)
    for models, factor in ((cheap, 1.0), (dear, 2.0)):
        for name in NAMES:
            told = factor * 1e-3 * (1 + NAMES.index(name))
            for _ in range(30):
                models.learn(observed(name, Head.LOG_COST, float(np.log(told))), PLAIN)
        models.head(Head.LOG_COST).rebuild()
    ratio = dear.ordinary_cost(dear.arms[0]) / cheap.ordinary_cost(cheap.arms[0])
    assert ratio == pytest.approx(2.0, rel=0.02)


def test_an_ordinary_latency_is_that_of_all_arms_together() -> None:
    """The unit of latency is the mean over what was measured, of whichever arm."""
    models = models_of(*NAMES)
    for _ in range(50):
        models.learn(observed("small", Head.LOG_LATENCY, float(np.log(1.0))), PLAIN)
        models.learn(observed("large", Head.LOG_LATENCY, float(np.log(4.0))), PLAIN)
    models.head(Head.LOG_LATENCY).rebuild()
    assert 1.0 < models.ordinary_latency() < 4.0


def test_the_unit_of_latency_is_the_slowest_arms_and_does_not_move_with_traffic() -> None:
    """An arm not seen does not count; one of a single call counts for little until it has more."""
    models = models_of(*NAMES)
    for seconds, name in ((1.0, "small"), (4.0, "large")):
        models.learn(observed(name, Head.LOG_LATENCY, float(np.log(seconds))), PLAIN)
    drawn = models.ordinary_latency()
    assert 2.0 < drawn < 4.0
    for _ in range(50):
        models.learn(observed("small", Head.LOG_LATENCY, 0.0), PLAIN)
        assert models.ordinary_latency() == pytest.approx(drawn)
    for _ in range(500):
        models.learn(observed("large", Head.LOG_LATENCY, float(np.log(4.0))), PLAIN)
    assert models.ordinary_latency() == pytest.approx(4.0, rel=0.02)
