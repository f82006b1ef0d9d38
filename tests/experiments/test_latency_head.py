"""Simulated latencies, and whether a preset for speed learns to avoid slow models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from conduit.core.arms import Arm
from conduit.datasets.recorded import RecordedOutcomes
from conduit.evaluation.stream import Stream
from conduit.features.encoders.hashing import HashingEncoder
from experiments.arguments import Arguments
from experiments.latency_head import NOISE, PRESETS_SHOWN, Speed, Task, latencies, main, run_task
from experiments.recorded import stream_part

FAST, SLOW = Speed(base=0.5, rate=100.0), Speed(base=2.0, rate=20.0, price=10.0)


def stream(n: int) -> Stream:
    """A fast arm, and a slow one that is much better; both cost the same."""
    rng = np.random.default_rng(0)
    made = Stream(
        arms=(Arm(id="fast", provider="x"), Arm(id="slow", provider="x")),
        contexts=np.column_stack([np.ones(n), 0.3 * rng.standard_normal((n, 2))]),
        prompt_tokens=np.full(n, 10),
        quality=np.column_stack([np.full(n, 0.3), np.full(n, 0.9)]),
        cost=np.full((n, 2), 1e-3),
        output_tokens=np.column_stack([np.full(n, 50.0), np.full(n, np.nan)]),
    )
    speeds = {"fast": FAST, "slow": SLOW}
    seconds = latencies(made, speeds, rng=np.random.default_rng(1))
    return Stream(**{name: getattr(made, name) for name in Stream.__slots__} | {"latency": seconds})


def test_latencies_are_log_normal_around_what_arm_and_tokens_take() -> None:
    """``log l`` has the stated mean and spread; tokens are those recorded, or what money implies."""
    seconds = stream(4000).latency
    assert seconds is not None
    # 50 tokens at 100 a second; a tenth of a cent at 10 USD per million is 100, at 20 a second.
    typical = np.array([0.5 + 0.5, 2.0 + 5.0])
    logs = np.log(seconds / typical)
    np.testing.assert_allclose(logs.mean(axis=0), 0.0, atol=4 * NOISE / 4000**0.5)
    np.testing.assert_allclose(logs.std(axis=0), NOISE, rtol=0.05)


def test_a_preset_for_speed_learns_which_model_is_fast() -> None:
    """Where the slow model is the better one, balanced takes it and speed does not."""
    balanced, speed = (
        run_task(Task(name="x", stream=stream(300), choice=preset, seed=0))
        for preset in PRESETS_SHOWN
    )
    alone = run_task(Task(name="x", stream=stream(300), choice="fast", seed=0))
    assert speed.latency < 2 * alone.latency < balanced.latency
    assert speed.quality < balanced.quality


def a_few(name: str, arguments: Arguments) -> tuple[RecordedOutcomes, str]:
    outcomes, says = stream_part(name, arguments)
    return outcomes.subset(range(150)), says


def test_the_script_writes_rows_of_presets_and_of_every_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The JSON holds a row per choice, the world it was made in, and the verdict's figures."""
    monkeypatch.delenv("CONDUIT_DATA", raising=False)
    monkeypatch.setattr("experiments.latency_head.encoder_of", lambda _: HashingEncoder())
    monkeypatch.setattr("experiments.latency_head.stream_part", a_few)
    status = main(["--seeds", "1", "--out", str(tmp_path)])
    written = json.loads((tmp_path / "latency_head-tuning.json").read_text())
    assert [row["choice"] for row in written["rows"]][:2] == list(PRESETS_SHOWN)
    assert len(written["rows"]) == len(PRESETS_SHOWN) + 3
    assert status == (0 if all(check["holds"] for check in written["checks"]) else 1)
    assert written["worlds"]["paretobandit_k4"]["google/gemini-2.5-pro"]["rate"] > 0
    assert (tmp_path / "latency_head-tuning.png").is_file()
