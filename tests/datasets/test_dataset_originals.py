"""Public originals, on small files of the same shape in the place of the hub."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conduit.core.errors import ConfigurationError, InvalidInputError, UnknownPriceError
from conduit.datasets import routerarena, routerbench, sprout
from conduit.datasets.hub import HuggingFaceHub, parquet_files
from conduit.datasets.originals import ORIGINALS, load_original
from conduit.datasets.routerarena import load_routerarena
from conduit.datasets.routerbench import load_routerbench, parse_routerbench
from conduit.datasets.sprout import load_sprout, parse_sprout


class FolderHub:
    """A folder with a folder per repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, repository: str, file: str) -> Path:
        """Where a file belongs."""
        path = self.folder / repository / file
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def files(self, repository: str) -> Sequence[str]:
        """Everything in the repository's folder."""
        root = self.folder / repository
        return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]

    def fetch(self, repository: str, file: str) -> Path:
        """The file itself."""
        return self.folder / repository / file


@pytest.fixture
def hub(tmp_path: Path) -> FolderHub:
    """An empty hub."""
    return FolderHub(tmp_path)


def bench_table() -> pd.DataFrame:
    """Three prompts and two models in RouterBench's wide form; the last row has a gap."""
    return pd.DataFrame(
        {
            "sample_id": ["mmlu.1", "gsm8k.2", "mmlu.3"],
            "prompt": ["['First turn.', \"second's turn\"]", ["a", "b"], "plain [text]"],
            "eval_name": ["mmlu-law", "grade-school-math", "mmlu-law"],
            "zephyr": [1.0, 0.25, np.nan],
            "gpt-4": [1.0, 0.0, 1.0],
            "zephyr|model_response": ["A", "B", None],
            "gpt-4|model_response": ["A", "B", "C"],
            "zephyr|total_cost": [1e-5, 2e-5, np.nan],
            "gpt-4|total_cost": [1e-3, 2e-3, 3e-3],
            "oracle_model_to_route_to": ["zephyr", "zephyr", "gpt-4"],
        }
    )


def test_routerbench_is_read_from_its_wide_table(
    hub: FolderHub, caplog: pytest.LogCaptureFixture
) -> None:
    """Turns are joined, scores and costs go to their models, a gap is left out and counted."""
    path = hub.place(routerbench.REPOSITORY, "routerbench_0shot.pkl")
    bench_table().to_pickle(path)
    digest = sha256(path.read_bytes()).hexdigest()
    with caplog.at_level(logging.WARNING):
        found = load_routerbench(hub, digests={"0shot": digest})
    assert found.models == ("gpt-4", "zephyr")
    assert found.texts == ("First turn.\n\nsecond's turn", "a\n\nb")
    assert found.query_ids == ("routerbench-0shot-00000", "routerbench-0shot-00001")
    assert found.categories == ("mmlu-law", "grade-school-math")
    np.testing.assert_array_equal(found.quality, [[1.0, 1.0], [0.0, 0.25]])
    np.testing.assert_array_equal(found.cost, [[1e-3, 1e-5], [2e-3, 2e-5]])
    assert "routerbench-0shot: 1 prompts left out" in caplog.text


class Trap:
    """Unpickled, it would fail the test."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return pytest.fail, ("a pickle was opened",)


def test_a_pickle_that_is_not_the_pinned_one_is_never_opened(hub: FolderHub) -> None:
    """Whatever the hub sends under that name, only the known bytes are unpickled."""
    path = hub.place(routerbench.REPOSITORY, "routerbench_0shot.pkl")
    pd.to_pickle(Trap(), path)
    with pytest.raises(ConfigurationError, match="it is not opened"):
        load_original("routerbench", hub=hub)


def sprout_cell(score: float | None, given: int, answered: int) -> dict[str, Any]:
    """What SPROUT records of one answer."""
    return {
        "score": score,
        "num_input_tokens": given,
        "num_output_tokens": answered,
        "response": "…",
    }


def sprout_table(first: int) -> pd.DataFrame:
    """Two prompts and two models in SPROUT's form."""
    return pd.DataFrame(
        {
            "key": [first, first + 1],
            "dataset": ["math", "rag"],
            "dataset_level": ["Level 1", ""],
            "dataset_idx": [7, 8],
            "prompt": [f"prompt {first}", f"prompt {first + 1}"],
            "golden_answer": ["x", "y"],
            "openai-gpt-4o": [sprout_cell(1.0, 100, 10), sprout_cell(0.5, 200, 20)],
            "openai-gpt-4o-mini": [sprout_cell(0.0, 100, 30), sprout_cell(0.5, 200, 40)],
        }
    )


def test_sprout_is_read_from_all_files_of_a_split(hub: FolderHub) -> None:
    """Scores are taken, tokens kept and priced, files joined in order, other splits left alone."""
    for number in (1, 0):
        name = f"data/train-0000{number}-of-00002.parquet"
        sprout_table(2 * number).to_parquet(hub.place(sprout.REPOSITORY, name))
    sprout_table(9).to_parquet(hub.place(sprout.REPOSITORY, "data/test-00000-of-00001.parquet"))
    found = load_original("sprout", hub=hub)
    assert found.texts == tuple(f"prompt {n}" for n in range(4))
    assert found.models == ("openai-gpt-4o", "openai-gpt-4o-mini")
    np.testing.assert_array_equal(found.quality[:2], [[1.0, 0.0], [0.5, 0.5]])
    assert found.output_tokens is not None
    np.testing.assert_array_equal(found.output_tokens[:2], [[10, 30], [20, 40]])
    np.testing.assert_allclose(
        found.cost[0], [(100 * 2.5 + 10 * 10) / 1e6, (100 * 0.15 + 30 * 0.6) / 1e6]
    )
    assert load_sprout(hub, split="test").texts == ("prompt 9", "prompt 10")


def test_an_answer_that_was_not_judged_leaves_its_prompt_out() -> None:
    """Neither a missing score nor a missing answer is a zero."""
    table = sprout_table(0)
    table["openai-gpt-4o"] = [sprout_cell(None, 1, 1), sprout_cell(0.5, 200, 20)]
    assert parse_sprout(table, name="x").texts == ("prompt 1",)
    table["openai-gpt-4o-mini"] = [sprout_cell(0.5, 1, 1), None]
    with pytest.raises(InvalidInputError, match="no prompt that all of 2 models answered"):
        parse_sprout(table, name="x")


ARENA = pd.DataFrame(
    {
        "Global Index": ["AIME_1", "MMLU_2", "MMLU_3"],
        "Dataset name": ["AIME", "MMLU", "MMLU"],
        "Question": ["How many?", "Which one?", "Who?"],
        "Context": ["", "A story.", None],
        "Options": ["[]", '["this", "that"]', None],
    }
)


def judged(**scores: float | None) -> str:
    """A model's lines."""
    return "\n".join(
        json.dumps(
            {
                "global_index": index,
                "evaluation_result": {"score": score, "inference_cost": 0.5},
            }
        )
        for index, score in scores.items()
    )


def test_routerarena_joins_prompts_with_the_answers_of_models(
    hub: FolderHub, tmp_path: Path
) -> None:
    """Prompts hold context, question and options; scores and costs are found by global index."""
    ARENA.to_parquet(hub.place(routerarena.REPOSITORY, "data/full-00000-of-00001.parquet"))
    results = tmp_path / "cached_results"
    results.mkdir()
    (results / "small.jsonl").write_text(judged(MMLU_2=1.0, AIME_1=0.0, MMLU_3=None))
    (results / "large.jsonl").write_text(judged(AIME_1=1.0, MMLU_2=0.5, MMLU_3=1.0) + "\n")
    found = load_original("routerarena", results=results, hub=hub)
    assert found.models == ("large", "small")
    assert found.texts == ("How many?", "A story.\n\nWhich one?\n\nA. this\nB. that")
    np.testing.assert_array_equal(found.quality, [[1.0, 0.0], [0.5, 1.0]])
    np.testing.assert_array_equal(found.cost, np.full((2, 2), 0.5))


def test_options_that_are_no_json_are_an_input_error() -> None:
    """The prompt is named, and nothing is made of half a table."""
    with pytest.raises(InvalidInputError, match=r"Options of .* are no JSON"):
        routerarena.parse_routerarena(
            ARENA.assign(Options=["['this']"] * len(ARENA)), {"small": judged()}, name="x"
        )


def test_data_of_another_shape_are_named(hub: FolderHub, tmp_path: Path) -> None:
    """Each mistake is an error that names the column, line, split, price or data set."""
    cases: list[tuple[type[Exception], str, Callable[[], object]]] = [
        (InvalidInputError, "'eval_name'", lambda: _bench(bench_table().drop(columns="eval_name"))),
        (
            InvalidInputError,
            r"MODEL\|total",
            lambda: _bench(bench_table()[["prompt", "eval_name"]]),
        ),
        (InvalidInputError, "quality=7.0", lambda: _bench(bench_table().assign(zephyr=7.0))),
        (InvalidInputError, "'prompt'", lambda: _sprout(sprout_table(0).drop(columns="prompt"))),
        (UnknownPriceError, "'new'", lambda: _sprout(sprout_table(0).assign(new=None))),
        (InvalidInputError, "'Question'", lambda: _arena(ARENA.drop(columns="Question"), "")),
        (InvalidInputError, "line 2 of 'm'", lambda: _arena(ARENA, judged(AIME_1=1) + "\n{}")),
        (InvalidInputError, "split='9shot'", lambda: load_routerbench(hub, split="9shot")),
        (InvalidInputError, "split='dev'", lambda: load_sprout(hub, split="dev")),
        (InvalidInputError, "cached_results", lambda: load_routerarena(hub, results=tmp_path)),
        (InvalidInputError, "cached_results", lambda: load_original("routerarena", hub=hub)),
        (InvalidInputError, "'alpaca'", lambda: load_original("alpaca", hub=hub)),
        (ConfigurationError, "no Parquet file", lambda: parquet_files(hub, "a/b", "train")),
    ]
    for kind, said, call in cases:
        with pytest.raises(kind, match=said):
            call()
    assert ORIGINALS == ("routerbench", "sprout", "routerarena")


def _bench(table: pd.DataFrame) -> object:
    return parse_routerbench(table, name="x")


def _sprout(table: pd.DataFrame) -> object:
    return parse_sprout(table, name="x")


def _arena(table: pd.DataFrame, lines: str) -> object:
    return routerarena.parse_routerarena(table, {"m": lines}, name="x")


def test_a_hub_that_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a connection the error names the data set, and nobody waits for a time-out."""
    import huggingface_hub

    def unplugged(*_: object, **__: object) -> object:
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "list_repo_files", unplugged)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unplugged)
    for call in (
        lambda: HuggingFaceHub().files(sprout.REPOSITORY),
        lambda: HuggingFaceHub().fetch(sprout.REPOSITORY, "x"),
    ):
        with pytest.raises(ConfigurationError, match=r"SPROUT.* cannot be fetched"):
            call()
