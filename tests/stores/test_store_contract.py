"""The contract of every store: what the port's docstrings promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conduit.core.decisions import ArmEstimate, ExchangeRates
from conduit.core.errors import (
    FailureKind,
    InvalidInputError,
    LayoutMismatchError,
    UnknownDecisionError,
)
from conduit.core.outcomes import Change, Head, Signal
from conduit.core.ports import Store
from tests.stores.builders import (
    ARMS,
    DIM,
    LAYOUT,
    a_decision,
    an_execution,
    an_observation,
    assert_equal_statistics,
    batch,
    context_of,
)

RATED = (ARMS[0], "quality")


def test_it_is_a_store(store: Store) -> None:
    """Every store has the whole port."""
    assert isinstance(store, Store)


async def test_a_decision_reads_back_as_it_was_without_its_embedding(store: Store) -> None:
    """Every field survives exactly, the embedding is gone, the context stays float32."""
    written = a_decision(arms=ARMS)
    await store.add_decision(written)
    read = await store.decision(written.id)
    for name in ("id", "query_id", "user_id", "selected_model", "confidence", "probabilities"):
        assert getattr(read, name) == getattr(written, name)
    for name in ("estimates", "reasoning", "fallback_chain", "constraints_relaxed", "policy"):
        assert getattr(read, name) == getattr(written, name)
    for name in ("layout", "created_at", "attempt", "forced", "rates"):
        assert getattr(read, name) == getattr(written, name)
    assert replace(read.features, embedding=None, context=None).__repr__() == repr(  # type: ignore[arg-type]
        replace(written.features, embedding=None, context=None)  # type: ignore[arg-type]
    )
    assert len(read.features.embedding) == 0
    assert read.features.context.dtype == np.float32
    np.testing.assert_array_equal(read.features.context, written.features.context)


async def test_arms_may_have_an_estimate_or_a_probability_alone(store: Store) -> None:
    """An arm that was not feasible has no probability, and a forced one may lack an estimate."""
    estimate = ArmEstimate(
        mean=1.2, std=0.1, cost=0.0, cost_high=0.0, latency=None, observations=2**40
    )
    written = replace(
        a_decision(), estimates={"a": estimate}, probabilities={ARMS[0]: 1.0}, forced=True
    )
    await store.add_decision(written)
    read = await store.decision(written.id)
    assert (read.estimates, read.probabilities) == ({"a": estimate}, {ARMS[0]: 1.0})
    assert read.forced
    assert read.propensity == 1.0


@pytest.mark.parametrize("rates", [None, ExchangeRates(unit_cost=1e-3, unit_latency=1.0)])
async def test_rates_may_be_unknown_or_without_a_budget(
    store: Store, rates: ExchangeRates | None
) -> None:
    """Older decisions have no exchange rates, and those without a pacer no budget."""
    written = replace(a_decision(), rates=rates)
    await store.add_decision(written)
    assert (await store.decision(written.id)).rates == rates


@pytest.mark.parametrize("ratings", [{}, {ARMS[0]: 12.5, ARMS[1]: 1 / 3}])
@pytest.mark.parametrize("probes", [{}, {ARMS[0]: 1 / 30, ARMS[1]: 0.0}])
async def test_what_evidence_was_worth_and_probes_are_on_record(
    store: Store, ratings: dict[str, float], probes: dict[str, float]
) -> None:
    """Both are read back exactly where there were any, and neither is taken for the other."""
    written = replace(a_decision(), ratings=ratings, probes=probes)
    await store.add_decision(written)
    read = await store.decision(written.id)
    assert (read.ratings, read.probes) == (ratings, probes)
    assert read.estimates == written.estimates


async def test_text_of_any_language_survives(store: Store) -> None:
    """Names and sentences are Unicode."""
    written = replace(a_decision(), user_id="Łukasz 🦊", reasoning="größer als 0,8 – «да»")
    await store.add_decision(written)
    read = await store.decision(written.id)
    assert (read.user_id, read.reasoning) == (written.user_id, written.reasoning)


async def test_an_unknown_decision_is_said_to_be_unknown(store: Store) -> None:
    """Reading, executing and observing name the id that does not exist."""
    with pytest.raises(UnknownDecisionError, match="'nobody'"):
        await store.decision("nobody")
    with pytest.raises(UnknownDecisionError, match="000000001"):
        await store.add_execution(an_execution())
    with pytest.raises(UnknownDecisionError, match="000000001"):
        await store.observe([an_observation()])
    assert await store.executions("nobody") == ()


async def test_an_id_is_logged_once(store: Store) -> None:
    """A second decision of the same id is refused and the first one stays."""
    await store.add_decision(a_decision())
    with pytest.raises(InvalidInputError, match="already logged"):
        await store.add_decision(replace(a_decision(), user_id="another"))
    assert (await store.decision(a_decision().id)).user_id == a_decision().user_id


async def test_executions_come_in_the_order_of_attempts(store: Store) -> None:
    """Attempts of one decision are read in order, failed ones and unknown figures as they were."""
    await store.add_decision(a_decision(1))
    await store.add_decision(a_decision(2))
    second = an_execution(1, 2, arm=ARMS[1])
    first = an_execution(
        1,
        1,
        failure=FailureKind.TIMEOUT,
        input_tokens=None,
        output_tokens=None,
        latency=None,
        finish_reason=None,
    )
    for execution in (second, first, an_execution(2)):
        await store.add_execution(execution)
    assert await store.executions(a_decision(1).id) == (first, second)


@pytest.mark.parametrize("attempts", [1, 2])
async def test_every_attempt_is_logged(store: Store, attempts: int) -> None:
    """The log appends: an attempt number that comes again is one more call that was paid for."""
    await store.add_decision(a_decision())
    for _ in range(attempts):
        await store.add_execution(an_execution())
    assert await store.executions(a_decision().id) == (an_execution(),) * attempts


async def test_what_is_appended_again_is_left_as_it_is(store: Store) -> None:
    """Decisions and attempts are logged once, however often a writer that is not sure says them."""
    first, second = a_decision(1), a_decision(2)
    attempts = [an_execution(1, 1), an_execution(1, 2), an_execution(2, 1)]
    await store.append([first], attempts[:1])
    for _ in range(2):
        await store.append([second, replace(first, user_id="another")], attempts)
        await store.append([], [an_execution(1, 1, cost=9.0)])
    assert (await store.decision(first.id)).user_id == first.user_id
    assert await store.executions(first.id) == tuple(attempts[:2])
    assert await store.executions(second.id) == tuple(attempts[2:])


async def test_of_equal_attempts_in_one_append_the_first_is_kept(store: Store) -> None:
    """Within one call an attempt is one by its decision and number, too."""
    twice = [an_execution(1, 1), an_execution(1, 1, cost=9.0)]
    await store.append([a_decision(1), a_decision(1)], twice)
    assert await store.executions(a_decision(1).id) == (an_execution(1, 1),)


async def test_an_append_that_is_refused_leaves_nothing(store: Store) -> None:
    """One attempt of nobody, or one context of another layout, and none of the call is there."""
    await store.append([], [])
    with pytest.raises(UnknownDecisionError, match="0000000009"):
        await store.append([a_decision(1)], [an_execution(1), an_execution(9)])
    with pytest.raises(LayoutMismatchError):
        await store.append([a_decision(1), a_decision(2, dim=DIM + 1)], [an_execution(1)])
    for number in (1, 2):
        with pytest.raises(UnknownDecisionError):
            await store.decision(a_decision(number).id)
    await store.append([a_decision(1)], [an_execution(1)])
    with pytest.raises(LayoutMismatchError):
        await store.append([a_decision(2, layout="another")], [])
    assert await store.executions(a_decision(1).id) == (an_execution(1),)


@pytest.mark.parametrize("number", [np.nan, -np.inf])
async def test_a_context_that_is_not_finite_is_refused(store: Store, number: float) -> None:
    """One such context would be in the sums for ever: nothing that came with it is logged."""
    good, bad = a_decision(1), a_decision(2)
    context = bad.features.context.copy()
    context[1] = number
    bad = replace(bad, features=replace(bad.features, context=context))
    with pytest.raises(InvalidInputError, match=f"{bad.id}.*not finite"):
        await store.append([good, bad], [])
    with pytest.raises(InvalidInputError, match="not finite"):
        await store.add_decision(bad)
    with pytest.raises(UnknownDecisionError):
        await store.decision(good.id)


async def test_the_first_layout_is_kept(store: Store) -> None:
    """The same layout may be declared again; another layout or dimension is refused by name."""
    await store.bind_layout("minilm/1", 64)
    await store.bind_layout("minilm/1", 64)
    with pytest.raises(LayoutMismatchError, match=r"'minilm/1' with 64.*'hashing/1' with 64"):
        await store.bind_layout("hashing/1", 64)
    with pytest.raises(LayoutMismatchError, match=r"choose the same encoder, or another database"):
        await store.bind_layout("minilm/1", 32)


async def test_a_decision_of_another_layout_is_refused(store: Store) -> None:
    """Contexts of two layouts never meet in one sum, whether declared or first logged."""
    await store.add_decision(a_decision(1))
    with pytest.raises(LayoutMismatchError):
        await store.bind_layout(LAYOUT, DIM + 1)
    with pytest.raises(LayoutMismatchError):
        await store.add_decision(a_decision(2, dim=DIM + 1))
    with pytest.raises(UnknownDecisionError):
        await store.decision(a_decision(2).id)


async def test_an_empty_store_has_learned_nothing(store: Store) -> None:
    """Nothing pending folds to nothing, and the version does not move."""
    before = (await store.load()).version
    assert (await store.fold()).count == 0
    assert await store.observe([]) == ()
    state = await store.load()
    assert (state.version, dict(state.statistics), await store.count()) == (before, {}, 0)


async def test_an_observation_is_learned_with_its_decisions_context(store: Store) -> None:
    """Folding adds w x xᵀ, w x y, w y² and w to the arm and head that was observed, exactly."""
    await store.add_decision(a_decision())
    observation = an_observation(value=0.8, weight=0.5)
    assert await store.observe([observation]) == (Change(observation=observation),)
    state = await store.load()
    assert set(state.statistics) == {RATED}
    x = context_of(1).astype(np.float64)
    learned = state.statistics[RATED]
    np.testing.assert_array_equal(learned.A, 0.5 * np.outer(x, x))
    np.testing.assert_array_equal(learned.b, 0.5 * 0.8 * x)
    assert (learned.yy, learned.weight, learned.count) == (0.5 * 0.8 * 0.8, 0.5, 1)
    assert await store.count() == 1


async def test_the_same_value_again_changes_nothing(store: Store) -> None:
    """A repeated observation is left out of the answer, before and after folding."""
    await store.add_decision(a_decision())
    await store.observe([an_observation()])
    assert await store.observe([an_observation()]) == ()
    version = (await store.load()).version
    assert await store.observe([an_observation()]) == ()
    state = await store.load()
    assert (state.version, state.statistics[RATED].count) == (version, 1)
    assert await store.count() == 1


@pytest.mark.parametrize("fold_between", [False, True])
async def test_every_correction_counts_exactly_once(store: Store, *, fold_between: bool) -> None:
    """Two corrections, before or after a fold, end as if the last value had been the first."""
    await store.add_decision(a_decision())
    answers: list[Change] = []
    for value in (0.2, 0.5, 0.9):
        answers += await store.observe([an_observation(value=value)])
        if fold_between:
            await store.fold()
    assert [it.previous for it in answers] == [None, 0.2, 0.5]
    assert [it.observation.value for it in answers] == [0.2, 0.5, 0.9]
    assert_equal_statistics((await store.load()).statistics[RATED], batch([(1, 0.9, 1.0)]))


async def test_values_of_one_call_follow_one_another(store: Store) -> None:
    """Within one call a repeated key is repeated, or a correction of the one before it."""
    await store.add_decision(a_decision())
    changes = await store.observe([an_observation(value=value) for value in (0.2, 0.2, 0.7)])
    assert [(it.previous, it.observation.value) for it in changes] == [(None, 0.2), (0.2, 0.7)]
    assert await store.count() == 1
    assert_equal_statistics((await store.load()).statistics[RATED], batch([(1, 0.7, 1.0)]))


async def test_a_correction_keeps_head_and_weight(store: Store) -> None:
    """Only the value of an observation can be corrected, and the answer says what is kept."""
    await store.add_decision(a_decision())
    await store.observe([an_observation(value=0.2, weight=0.5)])
    (change,) = await store.observe([an_observation(value=0.6, weight=3.0, head=Head.LOG_COST)])
    assert (change.observation.weight, change.observation.head) == (0.5, Head.QUALITY)
    state = await store.load()
    assert set(state.statistics) == {RATED}
    assert_equal_statistics(state.statistics[RATED], batch([(1, 0.6, 0.5)]))


async def test_arms_heads_and_signals_are_apart(store: Store) -> None:
    """Signals of one head add up, and every (arm, head) has sums of its own."""
    await store.add_decision(a_decision())
    await store.observe(
        [
            an_observation(value=0.8),
            an_observation(value=0.0, signal=Signal.RETRY, weight=0.3),
            an_observation(value=5.1, signal=Signal.TOKENS, head=Head.LOG_TOKENS),
            an_observation(value=0.4, arm=ARMS[1]),
        ]
    )
    statistics = (await store.load()).statistics
    assert set(statistics) == {RATED, (ARMS[0], "log_tokens"), (ARMS[1], "quality")}
    assert_equal_statistics(statistics[RATED], batch([(1, 0.8, 1.0), (1, 0.0, 0.3)]))
    assert await store.count() == 4


async def test_an_unknown_decision_undoes_the_whole_call(store: Store) -> None:
    """Observations are all kept or none."""
    await store.add_decision(a_decision(1))
    with pytest.raises(UnknownDecisionError, match="000000002"):
        await store.observe([an_observation(1), an_observation(2)])
    assert (await store.count(), (await store.fold()).count) == (0, 0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
async def test_a_value_that_is_no_number_is_refused(store: Store, bad: float) -> None:
    """One NaN would poison an arm for ever: it is refused by name, with its whole call."""
    await store.add_decision(a_decision())
    with pytest.raises(InvalidInputError, match=r"rating value=(nan|inf)"):
        await store.observe([an_observation(signal=Signal.RETRY), an_observation(value=bad)])
    assert await store.count() == 0


@pytest.mark.parametrize("weight", [-1.0, float("nan")])
async def test_a_weight_below_zero_is_refused(store: Store, weight: float) -> None:
    """Evidence is never negative."""
    await store.add_decision(a_decision())
    with pytest.raises(InvalidInputError, match="weight"):
        await store.observe([an_observation(weight=weight)])


async def test_fold_says_how_many_and_moves_the_version(store: Store) -> None:
    """Fold answers with the number of changes, corrections included, and the version grows."""
    await store.add_decision(a_decision(1))
    await store.add_decision(a_decision(2))
    before = (await store.load()).version
    await store.observe([an_observation(1), an_observation(2)])
    await store.observe([an_observation(2, 0.1)])
    assert (await store.fold()).count == 3
    assert (await store.fold()).count == 0
    assert (await store.load()).version > before
