"""Vowpal Wabbit and MABWiser beside ours: fair input, real learning, and rows that say what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from conduit.core.arms import Arm
from conduit.core.statistics import Array
from conduit.evaluation.stream import Stream
from experiments import bench_decision, cold_start, digits, peers
from experiments.bench_peers import TIMED
from experiments.mabwiser_peer import MabWiserPeer
from experiments.paretobandit_utility import ParetoBanditUtility
from experiments.peers import PEERS, Peer, best_settings, installed, play, without_lesser
from experiments.vowpalwabbit_peer import VowpalWabbit, VowpalWabbitPeer, lines

VW = VowpalWabbitPeer(exploration="SquareCB 1000", learning_rate=0.5)
LINUCB = MabWiserPeer(rule="LinUCB", alpha=0.5)
LINTS = MabWiserPeer(rule="LinTS", alpha=0.2)
NO_MODULE = "a_library_that_nobody_has"


def world(n: int = 600, arms: int = 3) -> tuple[Array, Array]:
    """Contexts (n, 4) and rewards (n, K): the arm that a context points at pays 1, others 0."""
    rng = np.random.default_rng(0)
    contexts = np.column_stack([np.ones(n), rng.standard_normal((n, arms))])
    return contexts, (contexts[:, 1:].argmax(axis=1)[:, None] == np.arange(arms)).astype(float)


@dataclass(frozen=True)
class Hearing:
    """A peer that writes down the rewards it is told, and always takes the first arm."""

    heard: list[float]
    bounded: bool
    library: str = NO_MODULE
    family: str = "hearing"
    name: str = "hearing well"

    def start(self, contexts: Array, arms: int, *, seed: int) -> Hearing:
        return self

    def choose(self, row: int) -> int:
        return 0

    def learn(self, row: int, arm: int, reward: float) -> None:
        self.heard.append(reward)


def test_vowpal_wabbit_gets_contexts_of_unit_norm_under_names() -> None:
    """Every line's values have norm 1, and no feature is a bare number, which it would not hash."""
    contexts, _ = world(20)
    for line in lines(contexts * 7.0):
        features = [word.split(":") for word in line.removeprefix("shared |s ").split()]
        assert np.linalg.norm([float(x) for _, x in features]) == pytest.approx(1.0, abs=1e-5)
        assert not any(name.isdigit() for name, _ in features)


def test_vowpal_wabbit_draws_from_probabilities() -> None:
    """They are positive, sum to 1 in its single precision, and are those the arms come with."""
    contexts, _ = world(4)
    learner = VowpalWabbit(contexts, 3, words="--epsilon 0.3", seed=0)
    probabilities = learner.probabilities(0)
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert (probabilities > 0).all()
    drawn = np.bincount([learner.choose(0) for _ in range(3000)], minlength=3) / 3000
    # Three standard errors of a share, with room for three arms.
    assert np.abs(drawn - probabilities).max() < 4 * 0.5 / 3000**0.5


@pytest.mark.parametrize(
    "peer", [VW, LINUCB, LINTS, ParetoBanditUtility()], ids=lambda peer: peer.family
)
def test_a_peer_learns_from_the_arms_it_chose(peer: Peer) -> None:
    """In its last half it is right far more often than the third that guessing gives."""
    contexts, rewards = world()
    arms = play(peer, contexts, rewards, order=np.arange(len(contexts)), seed=0)
    assert rewards[np.arange(300, 600), arms[300:]].mean() > 0.75


@pytest.mark.parametrize("peer", [VW, LINTS], ids=lambda peer: peer.family)
def test_equal_seeds_agree_and_others_differ(peer: Peer) -> None:
    """A run can be repeated, and seeds are runs of their own."""
    contexts, rewards = world(120)
    first, again, other = (
        play(peer, contexts, rewards, order=np.arange(120), seed=seed) for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_who_needs_bounded_rewards_gets_them_and_others_hear_what_was_paid() -> None:
    """Scaling is linear, so that nothing about the order of rewards is lost."""
    rewards = np.array([[-1.5, 0.0], [0.25, 0.5], [1.0, -3.0]])
    told, raw = Hearing([], bounded=True), Hearing([], bounded=False)
    for peer in (told, raw):
        play(peer, np.ones((3, 1)), rewards, order=np.array([2, 0, 1]), seed=0)
    assert told.heard == [1.0, 0.375, 0.8125]
    assert raw.heard == [1.0, -1.5, 0.25]


def test_both_libraries_are_installed_where_the_tests_run() -> None:
    """The extra dev brings them, so no row of theirs goes untested."""
    assert installed() == list(PEERS)


def test_a_missing_library_is_named_once_with_its_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line per library, whatever the number of its settings."""
    absent = Hearing([], bounded=True)
    assert installed([absent, LINUCB, absent]) == [LINUCB]
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert NO_MODULE in said[0]
    assert "make peers" in said[0]


def test_a_table_shows_the_best_setting_of_each_family() -> None:
    """Ours all stay, best first; a family that was not run is named."""
    strong = MabWiserPeer(rule="LinUCB", alpha=1.0)
    scores = {"ours": 0.5, "ours too": 0.1, LINUCB.name: 0.3, strong.name: 0.4}
    assert best_settings(scores, (LINUCB, strong, VW)) == {
        LINUCB.family: strong.name,
        VW.family: None,
    }
    kept, absent = without_lesser(scores, (LINUCB, strong, VW))
    assert kept == ["ours", strong.name, "ours too"]
    assert absent == [VW.family]


def some_images(whole: Callable[..., Stream]) -> Callable[..., Stream]:
    return lambda arguments: whole(arguments).subset(np.arange(8))


def some_prompts(arguments: object) -> dict[str, Stream]:
    contexts, quality = world(40)
    stream = Stream(
        arms=[Arm(id=name, provider="x") for name in "abc"],
        contexts=contexts,
        prompt_tokens=np.full(40, 10),
        quality=quality,
        cost=np.tile([1e-5, 1e-4, 1e-3], (40, 1)),
        complexity=np.linspace(0, 1, 40),
        difficulty=np.linspace(0, 1, 40),
        embeddings=np.eye(40, dtype=np.float32),
    )
    return {"routellm": stream}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Experiments on a handful of rows, with one setting of every family."""
    monkeypatch.setattr(digits, "digits_stream", some_images(digits.digits_stream))
    monkeypatch.setattr(cold_start, "load", some_prompts)
    monkeypatch.setattr(bench_decision, "SIZES", ((8, 5), (64, 5)))
    monkeypatch.setattr(bench_decision, "ROUNDS", 1)
    monkeypatch.setattr(bench_decision, "EVENTS", 2)
    monkeypatch.setattr(bench_decision, "UPDATES", 100)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("script", [digits, cold_start], ids=lambda script: script.NAME)
def test_every_setting_is_in_the_figures_and_the_best_are_in_the_table(
    script: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All settings ran beside ours, and each family has one line."""
    script.main(["--seeds", "1", "--out", str(tmp_path)])  # type: ignore[attr-defined]
    printed = capsys.readouterr().out
    rows = json.loads(next(tmp_path.glob("*.json")).read_text())["rows"]
    seeds = {row["policy"]: row["seeds"] for row in rows}
    assert {peer.name for peer in PEERS} | {"thompson", "thompson_noncontextual"} <= seeds.keys()
    assert set(seeds.values()) == {1}
    for family in {peer.family for peer in PEERS}:
        table = printed.partition("picture")[0].splitlines()
        assert sum(line.startswith(family) for line in table) == 1


@pytest.mark.usefixtures("few")
def test_who_saw_more_and_who_never_chose_are_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """knn's line tells of its labels, every arm has a row of its own, and families their seconds."""
    cold_start.main(["--seeds", "1", "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    rows = json.loads(next(tmp_path.glob("*.json")).read_text())["rows"]
    earned = {row["policy"]: row for row in rows}
    assert any("knn" in line and "labels" in line for line in printed.splitlines())
    costs = [earned[f"fixed:{arm}"]["cost"] for arm in "abc"]
    assert costs == pytest.approx([1e-5, 1e-4, 1e-3])
    seconds = next(line for line in printed.splitlines() if line.startswith("seconds:"))
    assert "ParetoBandit cold" in seconds
    assert "knn" in seconds


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("script", [digits, cold_start], ids=lambda script: script.NAME)
def test_a_row_that_could_not_be_run_says_so(
    script: object,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the libraries the experiment runs, names the remedy, and marks the rows."""
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    script.main(["--seeds", "1", "--out", str(tmp_path)])  # type: ignore[attr-defined]
    printed = capsys.readouterr().out
    rivals = getattr(script, "RIVALS", PEERS)
    assert printed.count("make peers") == len({peer.library for peer in rivals})
    for family in {peer.family for peer in rivals}:
        assert any(
            line.startswith(family) and "not installed" in line for line in printed.splitlines()
        )


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("there", [True, False])
def test_the_benchmark_times_them_in_the_same_rounds(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
) -> None:
    """A time and a ratio for every event of every library, or the words that it is missing."""
    found = find_spec
    monkeypatch.setattr(peers, "find_spec", lambda name: found(name) if there else None)
    bench_decision.main(["--out", str(tmp_path)])
    printed = capsys.readouterr().out
    for row in json.loads(next(tmp_path.glob("*.json")).read_text())["rows"]:
        for library in {peer.library for peer in TIMED}:
            for event in ("decision", "update"):
                assert ((row[f"{library}_{event}"] or 0) > 0) == there
                assert (f"{event} / {library}" in row["ratios"]) == there
    assert ("not installed" in printed) != there
