"""A log to arrays: what counts, what is left out, and arms that come and go."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from conduit.core.errors import FailureKind, InvalidInputError
from conduit.core.log import LoggedDecision
from conduit.evaluation import log_frame
from conduit.evaluation.knowledge import Rates
from conduit.evaluation.log_frame import Exclusion, FrameBuilder, LogFrame, exclusion_of
from tests.stores.builders import ARMS, a_decision, an_execution, an_observation

PLAIN = LoggedDecision(
    decision=a_decision(1), executions=(an_execution(1),), observations=(an_observation(1, 0.8),)
)


def framed(*logged: LoggedDecision) -> LogFrame:
    builder = FrameBuilder()
    for it in logged:
        builder.add(it)
    return builder.build()


def numbered(number: int, **changes: object) -> LoggedDecision:
    return LoggedDecision(decision=replace(a_decision(number), **changes))  # type: ignore[arg-type]


def test_a_row_holds_what_was_known_and_what_came_of_it() -> None:
    """Propensities, estimates, rating and cost of a decision stand in its row."""
    frame = framed(PLAIN)
    log, decision = frame.log, PLAIN.decision
    assert log.arms == ARMS[:2]
    assert log.propensity.tolist() == [[0.5, 0.5]]
    assert (log.chosen.tolist(), log.quality.tolist(), log.cost.tolist()) == ([0], [0.8], [0.00031])
    assert log.expected_quality.tolist() == [[it.mean for it in decision.estimates.values()]]
    assert log.expected_cost.tolist() == [[it.cost for it in decision.estimates.values()]]
    assert frame.knowledge.quality_std.tolist() == [[0.05, 0.05]]
    assert frame.knowledge.observations.tolist() == [[0, 1]]
    assert frame.knowledge.latency[0, 0] == 1.5
    assert np.isnan(frame.knowledge.latency[0, 1])
    assert frame.knowledge.offered.all()
    assert frame.knowledge.complexity.tolist() == [decision.features.complexity_score]
    assert decision.rates is not None
    assert {n: getattr(frame.knowledge.rates, n).tolist() for n in Rates.__slots__} == {
        name: [value] for name, value in asdict(decision.rates).items()
    }
    assert (frame.decisions, frame.excluded, frame.policies) == (1, {}, {"thompson": 1})


def test_what_is_not_known_is_not_zero() -> None:
    """Without a rating the quality is NaN, without a call the cost."""
    frame = framed(numbered(1, rates=None))
    assert np.isnan([*frame.log.quality, *frame.log.cost]).all()
    assert np.isnan([getattr(frame.knowledge.rates, name) for name in Rates.__slots__]).all()


@pytest.mark.parametrize(
    ("logged", "why"),
    [
        (numbered(1, forced=True), Exclusion.FORCED),
        (replace(PLAIN, executions=(an_execution(failure=FailureKind.SERVER),)), Exclusion.FAILED),
        (replace(PLAIN, executions=(an_execution(arm=ARMS[1]),)), Exclusion.FALLBACK),
        (numbered(1, estimates={}), Exclusion.NO_ESTIMATE),
        (numbered(1, probabilities={ARMS[0]: 0.0, ARMS[1]: 1.0}), Exclusion.NO_ESTIMATE),
        (PLAIN, None),
    ],
)
def test_what_teaches_nothing_is_left_out_and_counted(
    logged: LoggedDecision, why: Exclusion | None
) -> None:
    """Forced choices, failures, and answers of another model are no draws of the policy."""
    assert exclusion_of(logged) is why
    frame = framed(numbered(7), logged)
    assert frame.decisions == 2
    assert frame.excluded == ({} if why is None else {why: 1})
    assert len(frame.log) == (2 if why is None else 1)


def test_probes_stand_in_their_row() -> None:
    """What a goal asked beside the rule is known per arm, and is 0 where it asked nothing."""
    frame = framed(numbered(1, probes={ARMS[0]: 0.0, ARMS[1]: 0.03}), PLAIN)
    assert frame.knowledge.probed.tolist() == [[0.0, 0.03], [0.0, 0.0]]


def test_what_evidence_was_worth_stands_in_its_row() -> None:
    """Ratings that faded count as what was left of them; of an older log their number is known."""
    frame = framed(numbered(1, ratings={ARMS[0]: 0.25, ARMS[1]: 0.5}), PLAIN)
    assert frame.knowledge.ratings.tolist() == [[0.25, 0.5], [0.0, 1.0]]
    assert frame.knowledge.observations.tolist() == [[0, 1], [0, 1]]


def test_arms_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """An arm that a row did not know has propensity 0 there, across blocks too."""
    monkeypatch.setattr(log_frame, "_BLOCK", 2)
    sets = [ARMS[:2], ARMS[:2], ARMS[:3], ARMS[2:4], ARMS[:1]]
    frame = framed(*(LoggedDecision(decision=a_decision(i, arms=a)) for i, a in enumerate(sets)))
    assert frame.log.arms == ARMS[:4]
    for row, arms in enumerate(sets):
        known = [arm in arms for arm in ARMS[:4]]
        assert frame.knowledge.known[row].tolist() == known
        np.testing.assert_allclose(frame.log.propensity[row], np.array(known) / len(arms))


def test_a_constraint_takes_arms_off_the_offer() -> None:
    """Only the drawn arm and its fallback chain were on offer."""
    frame = framed(numbered(1, fallback_chain=(), probabilities={ARMS[0]: 1.0}))
    assert frame.knowledge.known.tolist() == [[True, True]]
    assert frame.knowledge.offered.tolist() == [[True, False]]


def test_a_fixed_policy_is_no_constraint() -> None:
    """That a fixed policy drew one arm does not mean that others could not have been chosen."""
    frame = framed(
        numbered(
            1, policy="fixed:any", fallback_chain=(), probabilities={ARMS[0]: 1.0, ARMS[1]: 0.0}
        )
    )
    assert frame.knowledge.offered.tolist() == [[True, True]]


def test_an_empty_log_says_so() -> None:
    """No decisions at all, and none that counts, are input errors that tell which."""
    with pytest.raises(InvalidInputError, match="the log is empty"):
        framed()
    with pytest.raises(InvalidInputError, match=r"none of the 2 logged decisions.*2 forced"):
        framed(numbered(1, forced=True), numbered(2, forced=True))
