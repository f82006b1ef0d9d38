"""The scoring state against the posterior of all observations."""

from __future__ import annotations

import pytest

from conduit.bandits.posterior import LinearPosterior
from experiments.exact_posterior import BOUND, exactness

SMALL = {"updates": 1200, "dim": 16, "arms": 3, "half_life": 100.0}


def test_the_scoring_state_is_the_posterior_of_all_observations() -> None:
    """Twelve half-lives of late, weighted and corrected ratings leave it exact to rounding."""
    found = exactness(**SMALL)  # type: ignore[arg-type]
    assert found.worst < 1e-9 < BOUND
    assert 0.8 < found.forgotten < 1


def test_a_state_that_drifts_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were every update a thousandth too light, the difference would be far above the bound."""
    observe = LinearPosterior.observe

    def light(
        posterior: LinearPosterior, arm: int, x: object, y: float, *, weight: float
    ) -> tuple[float, float]:
        return observe(posterior, arm, x, y, weight=weight * 0.999)  # type: ignore[arg-type]

    monkeypatch.setattr(LinearPosterior, "observe", light)
    assert exactness(**SMALL).worst > BOUND  # type: ignore[arg-type]
