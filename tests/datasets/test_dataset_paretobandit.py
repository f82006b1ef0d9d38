"""The recorded outcomes that ship inside the package paretobandit."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.datasets.paretobandit import load_paretobandit, parse_outcomes
from conduit.datasets.recorded import RecordedOutcomes


@pytest.fixture(scope="module")
def val() -> RecordedOutcomes:
    return load_paretobandit()


def shipped(split: str) -> list[dict[str, Any]]:
    (folder,) = find_spec("pareto_bandit").submodule_search_locations
    data = Path(folder, "data", "examples", f"{split}.jsonl").read_bytes()
    return [json.loads(line) for line in data.split(b"\n") if line]


def lines(*rows: dict[str, Any]) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n"


def row(prompt: str = "Hi?", **changes: Any) -> dict[str, Any]:
    arms = {"m2": {"reward": 0.2, "cost": 2e-5}, "m1": {"reward": 0.1, "cost": 1e-5}}
    return {"prompt": prompt, "source": "s", "best_arm": "m2", "arms": arms, **changes}


@pytest.mark.parametrize(("split", "prompts"), [("val", 1785), ("test_holdout", 1824)])
def test_every_shipped_prompt_is_read(split: str, prompts: int) -> None:
    """Each line is one prompt with three models, in the order of the file."""
    read = load_paretobandit(split)
    assert read.quality.shape == (prompts, 3)
    assert list(read.texts) == [line["prompt"] for line in shipped(split)]


def test_outcomes_are_those_of_the_file(val: RecordedOutcomes) -> None:
    """Quality and cost of every model and prompt are the recorded ones."""
    source = shipped("val")
    for j, model in enumerate(val.models):
        recorded = [line["arms"][model] for line in source]
        np.testing.assert_array_equal(val.quality[:, j], [arm["reward"] for arm in recorded])
        np.testing.assert_array_equal(val.cost[:, j], [arm["cost"] for arm in recorded])


def test_what_was_not_recorded_is_unknown(val: RecordedOutcomes) -> None:
    """The file has neither latency nor tokens, so neither is made up."""
    assert (val.latency, val.input_tokens, val.output_tokens) == (None, None, None)


def test_the_splits_share_no_prompt(val: RecordedOutcomes) -> None:
    """What is learned on one split can be judged on the other."""
    assert not set(val.texts) & set(load_paretobandit("test_holdout").texts)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0c"])
def test_only_a_newline_ends_a_line(separator: str) -> None:
    """Other line separators belong to the prompt."""
    prompt = f"one{separator}two"
    assert parse_outcomes(lines(row(prompt), row("next")), name="t").texts == (prompt, "next")


def test_the_shipped_prompts_do_contain_other_separators(val: RecordedOutcomes) -> None:
    """The rule about newlines is needed by the data themselves."""
    assert any("\u2028" in text for text in val.texts)


def test_labels_never_touch_texts_or_outcomes() -> None:
    """Source, difficulty, best arm and spreads change nothing but the category."""
    plain = parse_outcomes(lines(row("a"), row("b")), name="t")
    labelled = parse_outcomes(
        lines(
            row("a", source="x", difficulty="hard", best_arm="m1", best_reward=0.9),
            row("b", source="y", reward_spread=0.5),
        ),
        name="t",
    )
    assert (plain.query_ids, plain.texts, plain.models) == (
        labelled.query_ids,
        labelled.texts,
        labelled.models,
    )
    np.testing.assert_array_equal(plain.quality, labelled.quality)
    np.testing.assert_array_equal(plain.cost, labelled.cost)
    assert labelled.categories == ("x", "y")


def test_ids_say_nothing_about_the_prompt(val: RecordedOutcomes) -> None:
    """An id is the split and the line number, so that no label can leak through it."""
    assert val.query_ids[0] == "paretobandit-val-00001"
    assert val.query_ids[-1] == "paretobandit-val-01785"


@pytest.mark.parametrize(
    "bad",
    [
        "not json",
        "[1, 2]",
        json.dumps({"source": "s"}),
        json.dumps(row(arms={"m1": {"reward": 0.1}, "m2": {"reward": 0.1, "cost": 0}})),
        json.dumps(row(arms=[1])),
        json.dumps(row(arms={"m1": {"reward": "good", "cost": 0}, "m2": {"reward": 0, "cost": 0}})),
        json.dumps(row(prompt=None)),
        json.dumps(row(arms={"m1": {"reward": 0.1, "cost": 0}})),
    ],
)
def test_a_line_that_is_no_outcome_is_named(bad: str) -> None:
    """The number of the line that cannot be used is said."""
    with pytest.raises(InvalidInputError, match="line 2") as caught:
        parse_outcomes(lines(row()) + bad, name="t")
    assert caught.value.remedy


@pytest.mark.parametrize("reward", [1.5, -0.1, float("nan")])
def test_a_reward_out_of_range_is_refused(reward: float) -> None:
    """Rewards are qualities in 0..1."""
    arms = {"m1": {"reward": reward, "cost": 1e-5}}
    with pytest.raises(InvalidInputError, match=r"quality=.*'t-00001'.*'m1'"):
        parse_outcomes(lines(row(arms=arms)), name="t")


def test_no_lines_are_no_data() -> None:
    """An empty text is refused."""
    with pytest.raises(InvalidInputError, match="no query_id"):
        parse_outcomes("\n", name="t")


def test_an_unknown_split_is_refused_with_the_known_ones() -> None:
    """The error lists what there is."""
    with pytest.raises(InvalidInputError, match=r"split='train'.*val, test_holdout"):
        load_paretobandit("train")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lean installation is told what to install."""
    monkeypatch.setitem(sys.modules, "pareto_bandit", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'conduit-router\[experiments\]'"):
        load_paretobandit()


def test_the_package_is_found_and_never_imported() -> None:
    """Reading its data runs none of its code, and needs neither pandas nor pyarrow."""
    code = (
        "import sys; from conduit.datasets.paretobandit import load_paretobandit as load; load();"
        "print({'pareto_bandit', 'pandas', 'pyarrow', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
