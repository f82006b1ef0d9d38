"""The parts that experiments share: command line, record of held-out runs, verdict, references."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from conduit.core.arms import Arm
from conduit.core.errors import ConfigurationError
from conduit.evaluation.stream import Stream
from conduit.features.encoders.hashing import HashingEncoder
from experiments import budget_pacing, cold_start, digits, latency_head, quality_target
from experiments.arguments import ALL_ROWS, HELD_PART, Arguments, parse
from experiments.embeddings import CachedEncoder
from experiments.full_information import ridge_estimates, within_budget, within_quality
from experiments.parallel import spread
from experiments.provenance import HeldOut, count_evaluation
from experiments.recorded import paretobandit_split, stream_part
from experiments.report import Check, conclude, mean_and_error


def arguments_of(tmp_path: Path, *words: str) -> Arguments:
    return parse("trial", about="A trial.", seeds=3, argv=["--out", str(tmp_path), *words])


def square(number: int) -> int:
    return number * number


def test_the_figures_of_tuning_and_of_the_held_part_have_different_names(tmp_path: Path) -> None:
    """A run on tuning data can never overwrite what was measured on the held part."""
    assert arguments_of(tmp_path).json == tmp_path / "trial-tuning.json"
    assert arguments_of(tmp_path, "--held-out").json == tmp_path / "trial.json"
    assert arguments_of(tmp_path, "--held-out").stem == "trial"


def test_the_data_folder_comes_from_the_option_then_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--data wins over CONDUIT_DATA, and without both there is none."""
    monkeypatch.delenv("CONDUIT_DATA", raising=False)
    assert arguments_of(tmp_path).data is None
    monkeypatch.setenv("CONDUIT_DATA", "/there")
    assert arguments_of(tmp_path).data == Path("/there")
    assert arguments_of(tmp_path, "--data", "/here").data == Path("/here")


def test_the_data_folder_may_stand_in_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CONDUIT_DATA is a setting like any other, and is read from .env too."""
    monkeypatch.delenv("CONDUIT_DATA", raising=False)
    (tmp_path / ".env").write_text("CONDUIT_DATA=/there\n")
    monkeypatch.chdir(tmp_path)
    assert arguments_of(tmp_path).data == Path("/there")


def test_less_than_one_seed_or_job_is_a_usage_error(tmp_path: Path) -> None:
    """Status 2, as for every wrong word on a command line."""
    for option in ("--seeds", "--jobs"):
        with pytest.raises(SystemExit) as error:
            arguments_of(tmp_path, option, "0")
        assert error.value.code == 2


def test_tasks_come_back_in_order_from_any_number_of_processes(tmp_path: Path) -> None:
    """Results stand where their tasks stood."""
    for jobs in ("1", "2"):
        assert spread(square, range(5), arguments_of(tmp_path, "--jobs", jobs)) == [0, 1, 4, 9, 16]


def test_runs_on_the_held_part_are_counted_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every evaluation is entered with the commit of the learner; a new commit starts a new count."""
    answers = {"status": "", "log": "aaa", "rev-parse": "head"}
    monkeypatch.setattr("experiments.provenance._git", lambda verb, *rest: answers[verb])
    counter = tmp_path / "held_out.json"
    assert count_evaluation(arguments_of(tmp_path), counter=counter) is None
    assert not counter.exists()
    held = arguments_of(tmp_path, "--held-out")
    counts = [count_evaluation(held, counter=counter) for _ in range(2)]
    answers["log"] = "bbb"
    counts.append(count_evaluation(held, counter=counter))
    assert [(c.commit, c.since, c.total) for c in counts if c] == [
        ("aaa", 1, 1),
        ("aaa", 2, 2),
        ("bbb", 1, 3),
    ]


def test_the_held_part_is_refused_while_the_learner_is_not_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defaults are committed before anybody looks."""
    monkeypatch.setattr("experiments.provenance._git", lambda *words: " M conduit/bandits/x.py")
    counter = tmp_path / "held_out.json"
    with pytest.raises(ConfigurationError, match="commit"):
        count_evaluation(arguments_of(tmp_path, "--held-out"), counter=counter)
    assert not counter.exists()


@pytest.mark.parametrize(("value", "status"), [(0.9, 0), (0.7, 1)])
def test_the_verdict_is_the_last_line_and_decides_the_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], value: float, status: int
) -> None:
    """Exit 0 where everything holds, 1 where something falls short; the JSON says the same."""
    arguments = arguments_of(tmp_path)
    checks = [Check(name="quality", value=value, bound=0.8)]
    assert conclude(arguments, {"rows": []}, checks=checks, held_out=None) == status
    last = capsys.readouterr().out.splitlines()[-1]
    written = json.loads(arguments.json.read_text())
    assert written["verdict"] == last
    assert f"{1 - status} of 1 hold" in last
    assert written["checks"][0]["holds"] == (status == 0)
    assert written["part"] == "tuning"
    assert {"commit", "versions", "seeds"} <= written.keys()


@pytest.mark.parametrize("measured", [HELD_PART, ALL_ROWS])
def test_a_verdict_says_what_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], measured: str
) -> None:
    """Who measures on all rows says so in the JSON and in the last line, and not that they were held out."""
    words = ["--held-out", "--out", str(tmp_path)]
    arguments = parse("trial", about="A trial.", seeds=3, argv=words, measured=measured)
    counted = HeldOut(commit="aaa", since=1, total=1)
    conclude(arguments, {}, checks=[], held_out=counted)
    assert json.loads(arguments.json.read_text())["part"] == measured
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"trial ({measured}, 3 seeds)")


@pytest.mark.parametrize(
    ("main", "says"),
    [
        (cold_start.main, ALL_ROWS),
        (quality_target.main, ALL_ROWS),
        (latency_head.main, ALL_ROWS),
        (digits.main, ALL_ROWS),
        (budget_pacing.main, "the held part"),
    ],
)
def test_help_says_what_a_counted_run_is_measured_on(
    main: Callable[[Sequence[str]], int], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Experiments that take all rows do not call them held."""
    with pytest.raises(SystemExit):
        main(["--help"])
    assert f"measure on {says};" in " ".join(capsys.readouterr().out.split())


def test_a_counted_stream_of_all_rows_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds what tuning saw, and its name says that."""
    monkeypatch.delenv("CONDUIT_DATA", raising=False)
    tuning, _ = stream_part("paretobandit_k4", arguments_of(tmp_path))
    outcomes, says = stream_part("paretobandit_k4", arguments_of(tmp_path, "--held-out"))
    assert set(tuning.query_ids) < set(outcomes.query_ids)
    assert says == ALL_ROWS


def test_means_and_errors_are_those_of_the_sample() -> None:
    """Against numpy; the error of a single seed is unknown, not zero."""
    values = [0.1, 0.5, 0.4]
    mean, error = mean_and_error(values)
    assert mean == pytest.approx(np.mean(values))
    assert error == pytest.approx(np.std(values, ddof=1) / math.sqrt(3))
    assert math.isnan(mean_and_error([1.0])[1])


class Counting(HashingEncoder):
    """Counts the texts it is asked to encode."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def encode(self, texts):  # type: ignore[no-untyped-def]
        self.asked += len(texts)
        return super().encode(texts)


def test_every_text_is_encoded_once_whatever_run_asks_for_it(tmp_path: Path) -> None:
    """A second cache over the same folder answers from the file, in the order asked."""
    texts = ["a short one", "one that is rather longer than that", "a short one"]
    encoder = Counting()
    first = CachedEncoder(encoder, tmp_path).encode(texts)
    again = CachedEncoder(encoder, tmp_path).encode(texts[::-1])
    assert encoder.asked == 2
    np.testing.assert_array_equal(first, again[::-1])
    np.testing.assert_allclose(first, HashingEncoder().encode(texts), atol=1e-6)


def test_tuning_never_sees_the_held_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --held-out both parts are the two halves of val, in order and disjoint."""
    monkeypatch.delenv("CONDUIT_DATA", raising=False)
    arguments = arguments_of(tmp_path)
    split = paretobandit_split(arguments)
    ids = split.learn.query_ids + split.measure.query_ids
    assert ids == stream_part("paretobandit_k4", arguments)[0].query_ids
    assert all(name.startswith("paretobandit-val-") for name in ids)
    assert "tuning" in split.says


def test_a_data_set_without_a_folder_says_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy names the option and the variable."""
    monkeypatch.delenv("CONDUIT_DATA", raising=False)
    with pytest.raises(ConfigurationError, match="CONDUIT_DATA"):
        stream_part("routellm", arguments_of(tmp_path))


def test_full_information_finds_what_the_features_hold_and_keeps_the_budget() -> None:
    """On a linear world its choices are the best there are, at just the spend that is allowed."""
    rng = np.random.default_rng(0)
    contexts = np.column_stack([np.ones(600), rng.standard_normal((600, 2))])
    stream = Stream(
        arms=(Arm(id="a", provider="x"), Arm(id="b", provider="x")),
        contexts=contexts,
        prompt_tokens=np.full(600, 10),
        quality=np.column_stack([np.full(600, 0.5), 0.5 + 0.1 * contexts[:, 1]]),
        cost=np.column_stack([np.full(600, 1e-5), np.full(600, 1e-3)]),
    )
    learn, measure = stream.subset(np.arange(300)), stream.subset(np.arange(300, 600))
    expected = ridge_estimates(learn, measure)
    np.testing.assert_allclose(expected.quality, measure.quality, atol=1e-3)
    best = measure.quality.max(axis=1).mean()
    assert within_budget(expected, measure, 1.0)[0] == pytest.approx(best, abs=1e-3)
    quality, spend = within_budget(expected, measure, 2e-4)
    # A fifth of the prompts may go to b: those where it is best.
    gains = np.sort(measure.quality[:, 1] - 0.5)[::-1]
    affordable = (2e-4 - 1e-5) / (1e-3 - 1e-5)
    assert spend == pytest.approx(2e-4, rel=0.02)
    assert quality == pytest.approx(0.5 + gains[: round(300 * affordable)].sum() / 300, abs=2e-3)
    # The other way round: what that quality costs is that budget.
    again, cost = within_quality(expected, measure, quality)
    assert again == quality
    assert cost == pytest.approx(spend, rel=0.05)
    assert within_quality(expected, measure, 2.0)[0] == pytest.approx(best, abs=1e-3)
