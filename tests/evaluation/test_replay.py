"""The fast replay decides as a running router does."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from conduit import Router
from conduit.bandits.models import ArmModels
from conduit.bandits.policies import policy_named
from conduit.bandits.rules import ComplexityThreshold
from conduit.bandits.utility import Weights
from conduit.bandits.vigilance import Vigilance
from conduit.core.arms import Arm, Price
from conduit.core.clocks import ManualClock
from conduit.core.errors import InvalidInputError
from conduit.core.forgetting import Forgetting
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines.labelled import fit_neighbours
from conduit.engines.simulator import Simulator
from conduit.evaluation.replay import replay
from conduit.evaluation.setting import Moment, Setting
from conduit.evaluation.stream import Stream
from conduit.features.analyzer import Analyzer
from conduit.features.encoders.hashing import HashingEncoder
from conduit.features.projection import load_projection
from conduit.settings import Settings

MODELS = ("openai/gpt-4o", "openai/gpt-4o-mini")
N = 80


@pytest.fixture
def outcomes() -> RecordedOutcomes:
    """Prompts of two kinds; the dear model is needed for one of them."""
    rng = np.random.default_rng(0)
    hard = rng.random(N) < 0.5
    texts = [f"prove lemma {i} = {i * 7}" if h else f"say hello {i}" for i, h in enumerate(hard)]
    quality = np.column_stack([np.full(N, 0.9), np.where(hard, 0.2, 0.9)])
    tokens = rng.integers(50, 500, (N, 2)).astype(float)
    tokens[::7, 1] = np.nan
    return RecordedOutcomes(
        name="two",
        query_ids=tuple(f"q{i}" for i in range(N)),
        texts=tuple(texts),
        models=MODELS,
        quality=quality,
        cost=np.nan_to_num(tokens, nan=100.0) * [1e-5, 6e-7],
        output_tokens=tokens,
        latency=rng.uniform(0.2, 2.0, (N, 2)),
    )


def outcomes_of_three(two: RecordedOutcomes) -> RecordedOutcomes:
    """The same, and a third model that is as good as the dear one at a tenth of its cost."""
    assert two.output_tokens is not None
    assert two.latency is not None
    return RecordedOutcomes(
        name="three",
        query_ids=two.query_ids,
        texts=two.texts,
        models=(*MODELS, "openai/gpt-4.1-mini"),
        quality=np.column_stack([two.quality, np.full(N, 0.9)]),
        cost=np.column_stack([two.cost, two.cost[:, 0] / 10]),
        output_tokens=np.column_stack([two.output_tokens, two.output_tokens[:, 0]]),
        latency=np.column_stack([two.latency, two.latency[:, 0]]),
    )


def stream_of(outcomes: RecordedOutcomes) -> Stream:
    encoder = HashingEncoder()
    features = Analyzer(encoder, load_projection(encoder.name, encoder.dim)).analyze_many(
        outcomes.texts
    )
    return Stream(
        arms=Simulator(outcomes=outcomes).arms,
        contexts=np.stack([f.context for f in features]).astype(np.float64),
        prompt_tokens=np.array([f.token_count for f in features]),
        quality=outcomes.quality,
        cost=outcomes.cost,
        output_tokens=outcomes.output_tokens,
        latency=outcomes.latency,
        complexity=np.array([f.complexity_score for f in features]),
        difficulty=np.array([f.difficulty for f in features]),
        embeddings=np.stack([f.embedding for f in features]),
    )


def priced_stream(n: int = 200, *, seed: int = 0) -> Stream:
    rng = np.random.default_rng(seed)
    contexts = np.column_stack([np.ones(n), rng.standard_normal((n, 3)) / 2])
    quality = np.clip(np.column_stack([np.full(n, 0.6), 0.5 + 0.4 * contexts[:, 1]]), 0, 1)
    return Stream(
        arms=(Arm(id="plain", provider="x"), Arm(id="moody", provider="x")),
        contexts=contexts,
        prompt_tokens=np.full(n, 100),
        quality=quality,
        cost=np.exp(rng.normal(np.log([1e-4, 1e-3]), 0.3, (n, 2))),
    )


@pytest.mark.parametrize(
    "policy",
    [
        "thompson",
        "rated_thompson",
        "linucb",
        "thompson_noncontextual",
        "epsilon_greedy",
        "complexity",
        "knn",
    ],
)
@pytest.mark.parametrize("budget", [None, 1e-4])
async def test_a_replay_draws_the_arms_that_a_running_router_draws(
    outcomes: RecordedOutcomes, policy: str, budget: float | None
) -> None:
    """Same seed, same prompts: arms, propensities and spending of replay and router are the same."""
    simulator = Simulator(outcomes=outcomes)
    labelled = fit_neighbours(outcomes.subset(np.arange(0, N, 3)), HashingEncoder())
    async with Router(
        simulator.arms,
        client=simulator.client(),
        encoder=HashingEncoder(),
        settings=Settings(),
        policy=policy,
        budget=budget,
        baseline=simulator.baseline,
        neighbours=labelled,
        seed=5,
        timeout=1e6,
    ) as router:
        steps = [step async for step in simulator.run(router)]
    setting = Setting(
        policy=policy_named(policy, models=MODELS), budget=budget, neighbours=labelled
    )
    found = replay(stream_of(outcomes), setting, rng=np.random.default_rng(5))
    assert found.arms.tolist() == [step.arm for step in steps]
    np.testing.assert_allclose(found.cost, [step.cost for step in steps], rtol=1e-9)
    np.testing.assert_allclose(
        found.probabilities[:, 0], [s.decision.probabilities[MODELS[0]] for s in steps], atol=1e-6
    )
    np.testing.assert_allclose(
        found.predicted[:, 1], [s.decision.estimates[MODELS[1]].mean for s in steps], atol=1e-6
    )


@pytest.mark.parametrize("budget", [None, 1e-3])
async def test_an_arm_that_appears_is_met_as_one_added_to_a_running_router(
    outcomes: RecordedOutcomes, budget: float | None
) -> None:
    """A third arm from step 40 on: replay and router draw the same arms at the same propensities."""
    late = outcomes_of_three(outcomes)
    simulator = Simulator(outcomes=late)
    steps = []
    async with Router(
        simulator.arms[:2],
        client=simulator.client(),
        encoder=HashingEncoder(),
        settings=Settings(),
        budget=budget,
        baseline=MODELS[0],
        seed=5,
        timeout=1e6,
    ) as router:
        async for step in simulator.run(router):
            steps.append(step)
            if len(steps) == N // 2:
                await router.add_model(simulator.arms[2])
    there = np.array([True, True, False])
    setting = Setting(
        policy=policy_named("thompson", models=()),
        budget=budget,
        baseline=simulator.arms[0],
        world=lambda step, _: Moment(allowed=None if step >= N // 2 else there),
    )
    found = replay(stream_of(late), setting, rng=np.random.default_rng(5))
    assert found.arms.tolist() == [step.arm for step in steps]
    assert (found.probabilities[N // 2 :, 2] > 0).any()
    for k, name in enumerate(late.models):
        np.testing.assert_allclose(
            found.probabilities[:, k],
            [step.decision.probabilities.get(name, 0.0) for step in steps],
            atol=1e-6,
        )


def test_the_threshold_is_asked_about_each_prompt_and_neighbours_about_each_embedding(
    outcomes: RecordedOutcomes,
) -> None:
    """Complexity sends simple prompts to one arm and others to the other; knn decides by its labels."""
    stream = replace(stream_of(outcomes), complexity=np.arange(N) / N)
    found = replay(
        stream,
        Setting(policy=policy_named("complexity", models=())),
        rng=np.random.default_rng(0),
    )
    complex_ones = stream.complexity >= ComplexityThreshold().threshold
    assert (stream.cost[0, found.arms[complex_ones]] == stream.cost[0].max()).all()
    assert (stream.cost[0, found.arms[~complex_ones]] == stream.cost[0].min()).all()
    labelled = fit_neighbours(outcomes, HashingEncoder(), k=1)
    setting = Setting(policy=policy_named("knn", models=()), neighbours=labelled, learning=False)
    found = replay(stream, setting, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(found.predicted, stream.quality)


@pytest.mark.parametrize(
    ("policy", "without", "labels", "missing"),
    [
        ("knn", "neighbours", False, "labelled queries"),
        ("knn", "embeddings", True, "embeddings"),
        ("complexity", "complexity", False, "complexity"),
        ("rated_thompson", "difficulty", False, "difficulty"),
    ],
)
def test_a_policy_is_refused_what_it_judges_by_was_not_given(
    outcomes: RecordedOutcomes, policy: str, without: str, labels: bool, missing: str
) -> None:
    """One error names the policy and what is missing, before any step; it is never guessed."""
    stream = stream_of(outcomes)
    if without != "neighbours":
        stream = replace(stream, **{without: None})
    labelled = fit_neighbours(outcomes, HashingEncoder()) if labels else None
    setting = Setting(policy=policy_named(policy, models=()), neighbours=labelled)
    with pytest.raises(InvalidInputError, match=f"{policy}.*needs.*{missing}"):
        replay(stream, setting, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", ["complexity", "difficulty", "embeddings", "prompt_tokens"])
def test_what_is_known_of_prompts_has_one_row_each(outcomes: RecordedOutcomes, name: str) -> None:
    """A subset keeps prompts and what is known of them together; a wrong length is refused by name."""
    stream = stream_of(outcomes)
    rows = [5, 3]
    np.testing.assert_array_equal(getattr(stream.subset(rows), name), getattr(stream, name)[rows])
    with pytest.raises(InvalidInputError, match=f"{name} has shape"):
        replace(stream, **{name: getattr(stream, name)[1:]})


def test_equal_seeds_agree_and_other_seeds_differ() -> None:
    """A replay is a function of its seed, and the seed matters."""
    stream, setting = priced_stream(), Setting(policy=policy_named("thompson", models=()))
    runs = [replay(stream, setting, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert (runs[0].arms == runs[1].arms).all()
    assert (runs[0].arms != runs[2].arms).any()


def test_outcomes_and_propensities_are_those_of_the_arm_that_was_drawn() -> None:
    """Quality and cost are read at (row, arm), and every propensity row sums to one."""
    stream = priced_stream()
    order = np.random.default_rng(3).permutation(len(stream))
    found = replay(
        stream,
        Setting(policy=policy_named("random", models=())),
        rng=np.random.default_rng(3),
        order=order,
    )
    assert (found.rows == order).all()
    assert (found.quality == stream.quality[found.rows, found.arms]).all()
    assert (found.cost == stream.cost[found.rows, found.arms]).all()
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0)
    assert len(found.since(150)) == 50


def test_labelled_outcomes_are_the_evidence_of_having_tried_every_arm() -> None:
    """Statistics of a stream equal those of learning all its outcomes one by one, at any worth."""
    stream = priced_stream(40)
    models = ArmModels(stream.arms, dim=stream.dim)
    for head, targets in stream.targets().items():
        for row, context in enumerate(stream.contexts):
            for arm in range(2):
                models.observe(arm, head, context, targets[row, arm], weight=1.0)
    for (arm, head), sums in stream.statistics().items():
        one_by_one = models.head(head).statistics(["plain", "moody"].index(arm))  # type: ignore[arg-type]
        np.testing.assert_allclose(sums.A, one_by_one.A, atol=1e-9)
        np.testing.assert_allclose(sums.b, one_by_one.b, atol=1e-9)
    assert stream.statistics(worth=10)["plain", "quality"].weight == pytest.approx(10)


def test_a_warm_replay_starts_from_what_the_labels_show() -> None:
    """With labelled statistics the first predictions are already right."""
    stream = priced_stream(400)
    setting = Setting(
        policy=policy_named("best", models=()), statistics=stream.statistics(), learning=False
    )
    found = replay(stream, setting, rng=np.random.default_rng(0))
    assert np.abs(found.predicted - stream.quality).mean() < 0.03


def test_a_world_that_changes_is_what_the_policy_sees() -> None:
    """Factors act on outcomes and on learning, and an absent arm is never drawn."""
    stream = priced_stream(300)

    def world(step: int, models: ArmModels) -> Moment:
        assert models.arms == stream.arms
        if step < 100:
            return Moment(allowed=np.array([True, False]))
        return Moment(quality=np.array([0.1, 1.0]), cost=np.array([10.0, 0.5]))

    setting = Setting(
        policy=policy_named("thompson", models=()),
        weights=Weights(quality=1.0, cost=0.0, latency=0.0),
        world=world,
    )
    found = replay(stream, setting, rng=np.random.default_rng(0))
    assert (found.arms[:100] == 0).all()
    later = found.since(100)
    plain = later.arms == 0
    np.testing.assert_allclose(later.quality[plain], 0.1 * stream.quality[later.rows[plain], 0])
    np.testing.assert_allclose(later.cost[~plain], 0.5 * stream.cost[later.rows[~plain], 1])
    steady = replay(
        stream,
        replace(setting, world=lambda step, _: Moment(allowed=np.array([True, step >= 100]))),
        rng=np.random.default_rng(0),
    )
    assert found.predicted[-50:, 0].mean() < steady.predicted[-50:, 0].mean() - 0.1


@pytest.mark.parametrize("told", [True, False])
def test_a_policy_that_is_told_of_a_new_price_acts_on_it_at_once(told: bool) -> None:
    """The good arm becomes a hundred times cheaper: told, it is expected to; untold, it is not yet."""
    stream = priced_stream(300)
    dear, cheap = Price(input=100.0, output=300.0), Price(input=1.0, output=3.0)
    arms = (stream.arms[0], replace(stream.arms[1], price=dear))
    expected: list[float] = []

    def world(step: int, models: ArmModels) -> Moment:
        if step == 200 and told:
            models.reprice("moody", cheap)
        expected.append(models.estimate(stream.contexts[0], token_count=100).cost[1])
        return Moment(cost=np.array([1.0, 0.01])) if step >= 200 else Moment()

    setting = Setting(policy=policy_named("thompson", models=()), world=world)
    found = replay(replace(stream, arms=arms), setting, rng=np.random.default_rng(0))
    change = expected[200] / expected[199]
    assert change == pytest.approx(0.01 if told else 1.0, rel=0.15)
    later = found.since(200)
    cheaper = later.arms == 1
    np.testing.assert_allclose(later.cost[cheaper], 0.01 * stream.cost[later.rows[cheaper], 1])


def test_shapes_that_disagree_and_a_foreign_baseline_are_refused() -> None:
    """The error names the array, or the baseline."""
    stream = priced_stream(10)
    with pytest.raises(InvalidInputError, match="quality has shape"):
        Stream(
            arms=stream.arms,
            contexts=stream.contexts,
            prompt_tokens=stream.prompt_tokens,
            quality=stream.quality[:5],
            cost=stream.cost,
        )
    foreign = Arm(id="elsewhere", provider="y")
    with pytest.raises(InvalidInputError, match="elsewhere"):
        replay(
            stream,
            Setting(policy=policy_named("thompson", models=()), baseline=foreign),
            rng=np.random.default_rng(0),
        )


async def test_a_replay_forgets_as_a_router_does_whose_clock_ticks_once_per_request(
    outcomes: RecordedOutcomes,
) -> None:
    """With a half-life in requests, estimates and draws of replay and router stay the same."""
    simulator, clock, steps = Simulator(outcomes=outcomes), ManualClock(), []
    async with Router(
        simulator.arms,
        client=simulator.client(),
        encoder=HashingEncoder(),
        settings=Settings(),
        baseline=simulator.baseline,
        seed=5,
        timeout=1e6,
        half_life=15.0,
        clock=clock,
    ) as router:
        async for step in simulator.run(router):
            steps.append(step)
            clock.advance(1.0)
    policy = policy_named("thompson", models=MODELS)
    fading = Setting(policy=policy, forgetting=Forgetting(half_life=15.0))
    found = replay(stream_of(outcomes), fading, rng=np.random.default_rng(5))
    assert found.arms.tolist() == [step.arm for step in steps]
    np.testing.assert_allclose(
        found.predicted[:, 1], [s.decision.estimates[MODELS[1]].mean for s in steps], atol=1e-6
    )
    keeping = replay(stream_of(outcomes), Setting(policy=policy), rng=np.random.default_rng(5))
    assert np.abs(found.predicted - keeping.predicted).max() > 0.05


def test_a_replay_that_forgets_notices_a_silent_fall_sooner() -> None:
    """After the better arm's quality halves, the share of the other one rises faster.

    That is, without vigilance, which notices at once.
    """
    n = 450
    rng = np.random.default_rng(0)
    stream = Stream(
        arms=(Arm(id="steady", provider="x"), Arm(id="falls", provider="x")),
        contexts=np.column_stack([np.ones(n), rng.standard_normal((n, 3)) / 2]),
        prompt_tokens=np.full(n, 100),
        quality=np.tile([0.7, 0.9], (n, 1)),
        cost=np.full((n, 2), 1e-4),
    )

    def falls(step: int, _: ArmModels) -> Moment:
        return Moment(quality=np.array([1.0, 0.5 if step >= 300 else 1.0]))

    shares = []
    for forgetting in (Forgetting(half_life=60.0), Forgetting()):
        setting = Setting(
            policy=policy_named("thompson", models=()),
            world=falls,
            forgetting=forgetting,
            vigilance=Vigilance(threshold=math.inf),
        )
        found = [replay(stream, setting, rng=np.random.default_rng(seed)) for seed in range(2)]
        shares.append(np.mean([(run.since(300).arms == 0).mean() for run in found]))
    assert shares[0] > shares[1] + 0.1
