"""The benchmark of routing as a whole, beside ParetoBandit on torch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments import bench_route
from experiments.bench_route import HISTORIES, OURS_IN_PARTS, SHORT, THEIRS, main, ours_after

pytestmark = pytest.mark.ml


def test_the_script_times_both_pipelines_on_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The JSON holds a row per contestant and part; the two embeddings of a prompt agree."""
    monkeypatch.delenv("CONDUIT_DATA", raising=False)
    for name in ("PROMPTS", "PER_GROUP", "WARM_UP"):
        monkeypatch.setattr(bench_route, name, 2)
    monkeypatch.setattr(bench_route, "HISTORIES", (HISTORIES[0], 20))
    main(["--seeds", "1", "--out", str(tmp_path)])
    written = json.loads((tmp_path / "bench_route-tuning.json").read_text())
    timed = {(row["prompts"], row["contestant"]) for row in written["rows"]}
    assert {(SHORT, THEIRS), (SHORT, ours_after(0)), (SHORT, ours_after(20))} <= timed
    assert (SHORT, OURS_IN_PARTS) in timed
    assert written["cosine"] > 0.9999
    assert all(row["median"] > 0 for row in written["rows"])
