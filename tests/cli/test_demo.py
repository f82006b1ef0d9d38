"""``conduit demo``: its contract with programs."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from .conftest import Run
from .demo_data import KEYS, MODELS, figures, strict, write_parquet

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture takes longer than all the rest, and has tests of its own."""
    monkeypatch.setattr("conduit.cli.demo.draw", lambda _: None)


def test_json_is_one_object_with_exactly_the_promised_keys(process: Run) -> None:
    """In a process of its own, standard output is the object and nothing else."""
    ran = process("demo", "--json", "--limit", "12")
    assert ran.code == 0, ran.err
    said = strict(ran.out)
    assert set(said) == KEYS
    assert said["prompts"] == 12
    assert said["policy"] == "thompson"
    assert set(said["shares"]) | {"random"} == set(said["baselines"])
    assert sum(said["shares"].values()) == pytest.approx(1.0)
    assert all(set(b) == {"quality", "spend_usd"} for b in said["baselines"].values())
    assert said["observations"] >= 12
    assert said["in_sample"] is False
    assert Path(said["database"]).is_file()
    assert Path(said["picture"]).read_bytes().startswith(PNG)


def test_figures_are_those_of_the_data(conduit: Run, tmp_path: Path) -> None:
    """With one model forced, every figure is a mean or sum of its column."""
    frame = pd.read_parquet(write_parquet(tmp_path / "made.parquet"))
    quality = frame.groupby("model")["quality"].mean()
    spend = frame.groupby("model")["cost_usd"].sum()
    best = quality.idxmax()
    for model in MODELS:
        said = conduit(
            "demo", "--json", "--fresh", "--data", tmp_path / "made.parquet",
            "--policy", f"fixed:{model}",
        ).json  # fmt: skip
        assert said["quality"] == pytest.approx(quality[model])
        assert said["spend_usd"] == pytest.approx(spend[model])
        assert said["saved_usd"] == pytest.approx(spend[best] - spend[model])
        assert said["saved_pct"] == pytest.approx(100 * (1 - spend[model] / spend[best]))
        assert said["shares"][model] == 1.0
        assert said["baselines"]["random"]["quality"] == pytest.approx(quality.mean())
        assert said["baselines"]["random"]["spend_usd"] == pytest.approx(spend.mean())
        assert said["mixture_quality_at_same_spend"] >= said["quality"] - 1e-12


def test_equal_seeds_agree_and_different_seeds_differ(conduit: Run) -> None:
    """The seed decides the order of prompts and every draw."""
    runs = [
        figures(conduit("demo", "--json", "--limit", "25", "--seed", seed, "--fresh"))
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_second_run_goes_on_from_what_was_learned(conduit: Run) -> None:
    """It says that it is in sample and holds more observations; --fresh starts over."""
    first = conduit("demo", "--json", "--limit", "10").json
    second = conduit("demo", "--json", "--limit", "10").json
    fresh = conduit("demo", "--json", "--limit", "10", "--fresh").json
    assert [run["in_sample"] for run in (first, second, fresh)] == [False, True, False]
    assert second["observations"] == 2 * first["observations"]
    assert fresh["observations"] == first["observations"]


def test_labels_of_the_data_change_nothing(conduit: Run, tmp_path: Path) -> None:
    """Files that differ in their categories alone give equal figures, in the same database."""
    runs = []
    for labels in (0, 1):
        path = write_parquet(tmp_path / f"made{labels}.parquet", labels=labels)
        ran = conduit("demo", "--json", "--fresh", "--data", path)
        runs.append((figures(ran), ran.json["database"]))
    first, second = (pd.read_parquet(tmp_path / f"made{i}.parquet")["category"] for i in (0, 1))
    assert (first != second).any()
    assert runs[0] == runs[1]


def test_every_data_set_has_a_database_of_its_own(conduit: Run, tmp_path: Path) -> None:
    """Other data, even in a file of the same name, never meets what was learned on these."""
    seen = {conduit("demo", "--json", "--limit", "3").json["database"]}
    for folder, seed in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        path = write_parquet(tmp_path / folder / "made.parquet", seed=seed, prompts=5)
        said = conduit("demo", "--json", "--data", path).json
        assert said["in_sample"] is False
        seen.add(said["database"])
    assert len(seen) == 3


def test_the_limit_does_not_change_the_database(conduit: Run, tmp_path: Path) -> None:
    """A part of a data set is the same data."""
    path = write_parquet(tmp_path / "made.parquet")
    part = conduit("demo", "--json", "--data", path, "--limit", "3").json
    whole = conduit("demo", "--json", "--data", path).json
    assert part["database"] == whole["database"]
    assert (part["prompts"], whole["prompts"]) == (3, 30)


def test_speed_works_on_data_with_latency(conduit: Run, tmp_path: Path) -> None:
    """Where latency was recorded, it can be optimised for."""
    path = write_parquet(tmp_path / "made.parquet", latency=True)
    said = conduit("demo", "--json", "--data", path, "--optimize-for", "speed").json
    assert said["prompts"] == 30


def test_a_budget_is_reflected_in_spend(conduit: Run) -> None:
    """A budget that only the cheapest model fits sends nearly everything there."""
    said = conduit("demo", "--json", "--limit", "60", "--budget", "0.00003").json
    assert said["shares"]["meta-llama/llama-3.1-8b-instruct"] > 0.8
    assert said["spend_usd"] < said["baselines"]["mistralai/mistral-large-2512"]["spend_usd"]


def test_a_quality_target_is_reflected_in_what_is_said(conduit: Run) -> None:
    """The headline says what spending followed, and less is asked of less quality."""
    said = conduit("demo", "--limit", "60", "--quality-target", "0.9").out
    assert "90.0% of the best model's quality" in " ".join(said.split())


def test_no_key_and_no_network_are_needed(conduit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sockets that cannot connect and no name resolution the demo still ends well."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the demo reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert conduit("demo", "--json", "--limit", "5").code == 0


def test_no_figure_is_nan_even_for_one_prompt(conduit: Run) -> None:
    """One prompt has no standard error, and everything else is a number."""
    said = strict(conduit("demo", "--json", "--limit", "1").out)
    assert np.isfinite([said["quality"], said["spend_usd"], said["saved_pct"]]).all()
