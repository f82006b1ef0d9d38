"""The reported composite of explicit and implicit rewards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.feedback.composite import composite_reward, implicit_reward

UNIT = st.none() | st.floats(0, 1)
SECONDS = st.none() | st.floats(0, 1000)


@pytest.mark.parametrize(
    ("seconds", "reward"), [(0.0, 0.9), (10.0, 0.9), (10.1, 0.7), (30.0, 0.7), (30.1, 0.5)]
)
def test_patience_has_three_steps(seconds: float, reward: float) -> None:
    """Up to 10 seconds is .9, up to 30 is .7, slower is .5."""
    assert implicit_reward(error=False, retried=False, latency=seconds) == reward


def test_the_worst_news_decides() -> None:
    """An error is 0 whatever else happened, and a retry .3 however fast the answer was."""
    assert implicit_reward(error=True, retried=True, latency=1.0) == 0.0
    assert implicit_reward(error=False, retried=True, latency=1.0) == 0.3


def test_missing_latency_is_not_zero_seconds() -> None:
    """Without a measurement, or any other news, there is no implicit reward."""
    assert implicit_reward(error=False, retried=False, latency=None) is None
    assert composite_reward(None, error=False, retried=False, latency=None) is None


def test_the_mix_is_seven_to_three() -> None:
    """Explicit counts .7 and implicit .3."""
    mixed = composite_reward(0.5, error=False, retried=False, latency=5.0)
    assert mixed == pytest.approx(0.7 * 0.5 + 0.3 * 0.9)


def test_one_kind_alone_counts_in_full() -> None:
    """With only explicit or only implicit evidence, it is the composite."""
    assert composite_reward(0.5, error=False, retried=False, latency=None) == 0.5
    assert composite_reward(None, error=False, retried=False, latency=5.0) == 0.9


@given(explicit=UNIT, error=st.booleans(), retried=st.booleans(), latency=SECONDS)
def test_the_composite_lies_between_its_parts(
    explicit: float | None, error: bool, retried: bool, latency: float | None
) -> None:
    """It is never better than the better part nor worse than the worse one."""
    implicit = implicit_reward(error=error, retried=retried, latency=latency)
    parts = [part for part in (explicit, implicit) if part is not None]
    composite = composite_reward(explicit, error=error, retried=retried, latency=latency)
    if composite is None:
        assert parts == []
    else:
        assert min(parts) - 1e-12 <= composite <= max(parts) + 1e-12
