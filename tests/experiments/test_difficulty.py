"""Fitting the difficulty, and what it is worth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from conduit.features.difficulty import shipped_weights
from conduit.features.encoders.hashing import HashingEncoder
from experiments import difficulty, fit_difficulty
from experiments.difficulty import as_printed, correlated, furthest_move, main
from experiments.fit_difficulty import FORM, SPREAD, Sample, attacked, fitted, plain_analyzer

WORDS = ("river", "theorem", "ballad", "tax", "kernel", "enzyme")


def sample(name: str, n: int = 60) -> Sample:
    """Prompts of which the long ones are failed more often."""
    rng = np.random.default_rng(len(name))
    counts = rng.integers(1, 40, n)
    texts = tuple(" ".join(rng.choice(WORDS, count)) for count in counts)
    return Sample(name=name, texts=texts, failed=np.clip(counts / 40 + rng.normal(0, 0.1, n), 0, 1))


def test_what_fails_is_found_and_what_attacks_move_is_not_used() -> None:
    """Of two signs that tell failures equally well, the one that injections change gets no weight."""
    rng = np.random.default_rng(0)
    x = np.zeros((400, FORM))
    x[:, 0] = 1.0
    x[:, 1] = x[:, 2] = rng.standard_normal(400) / 3
    before = np.zeros((50, FORM))
    before[:, 0] = 1.0
    after = before.copy()
    after[:, 2] = 3.0
    weights = fitted([(x, x[:, 1])], (before, after), width=FORM)
    learned = (x @ weights * x).sum(axis=1)
    assert np.corrcoef(learned, x[:, 1])[0, 1] > 0.95
    assert learned.std() == pytest.approx(SPREAD)
    moved = (after @ weights * after).sum(axis=1) - (before @ weights * before).sum(axis=1)
    assert np.abs(moved).max() < 0.1 * 3 * weights[0, 1] + 0.1


def test_a_rank_correlation_knows_order_and_its_error() -> None:
    """It is 1 for the failures themselves, -1 for their opposite, 0 for a constant."""
    data = [sample("one"), sample("another")]
    for sign, expected in ((1.0, 1.0), (-1.0, -1.0), (0.0, 0.0)):
        judged = {it.name: lambda _, it=it, sign=sign: sign * it.failed for it in data}
        row = correlated(judged, data)
        assert row.keys() == {"one", "another", "mean"}
        for value, error in row.values():
            assert value == pytest.approx(expected)
            assert error < 1e-6


def test_injections_are_appended_to_every_victim() -> None:
    """Nothing that they append moves a prompt by a tenth, and Conductor's prompts are as printed."""
    analyzer = difficulty.Analyzer(
        HashingEncoder(), difficulty.load_projection(HashingEncoder().name, 256)
    )
    assert 0 < furthest_move(analyzer) < 0.1
    assert as_printed(analyzer) == 1.0


def test_the_experiment_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every judge has its figure per data set; the last line says what holds."""
    data = [sample("paretobandit_k4"), sample("routellm"), sample("mmlu_pro")]
    monkeypatch.setattr(difficulty, "BOOTSTRAPS", 5)
    monkeypatch.setattr(difficulty, "samples", lambda _: data)
    monkeypatch.setattr(difficulty, "encoder_of", lambda _: HashingEncoder())
    out = tmp_path / "figures.json"
    status = main(["--json", str(out)])
    figures = json.loads(out.read_text())
    assert not any("moved" in check["name"] for check in figures["checks"])
    assert 0 < figures["moved_at_most"]["hashing"] < 0.098
    assert status == (0 if all(check["holds"] for check in figures["checks"]) else 1)
    assert {"minilm", "hashing", "form", "minilm, other data"} <= figures["rank_correlation"].keys()
    assert figures["rank_correlation"]["length"]["mean"]["value"] > 0.5


def test_a_fit_writes_what_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has the shape of the one that ships: weights per layout, and what they are from."""
    written = tmp_path / "difficulty.json"
    monkeypatch.setattr(fit_difficulty, "samples", lambda _: [sample("one"), sample("two")])
    monkeypatch.setattr(fit_difficulty, "encoder_of", lambda _: HashingEncoder(64))
    monkeypatch.setattr(fit_difficulty, "shipped_weights", lambda: written)
    assert fit_difficulty.main([]) == 0
    made, shipped = json.loads(written.read_text()), json.loads(shipped_weights().read_text())
    assert made.keys() == shipped.keys()
    hashing = plain_analyzer(HashingEncoder())
    assert np.shape(made["weights"][hashing.layout]) == (FORM, hashing.dim)
    assert made["weights"].keys() >= {hashing.layout, "signals1"}


def test_attacks_are_paired() -> None:
    """Before and after are the same prompts, as many times as there are injections and gaps."""
    before, after = attacked(plain_analyzer(HashingEncoder(64)))
    assert before.shape == after.shape
    assert len(before) == 2 * len(fit_difficulty.INJECTIONS) * len(fit_difficulty.VICTIMS)
