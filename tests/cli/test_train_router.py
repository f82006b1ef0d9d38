"""``conduit train-router``: labels in a file become the router of conduit.Provider."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from conduit.stores.neighbours_file import load_neighbours

from .conftest import Run
from .test_warm_start import written

TIERS = ("budget", "balanced", "premium")
OPENAI = ("gpt-4o-mini", "openai/gpt-4o", "o3")


def rows(models: Sequence[str], *, best: str = "budget", prompts: int = 6) -> list[dict[str, Any]]:
    """Every prompt is answered by each of some models, and by one of them well."""
    return [
        {
            "query_id": str(number),
            "query_text": f"prompt number {number}",
            "model": model,
            "quality": float(model == best),
            "cost_usd": 0.001,
        }
        for number in range(prompts)
        for model in models
    ]


def best_of(conduit: Run) -> list[str]:
    """What the providers would choose now."""
    (prompt,) = conduit("explore", "prompt number 3", "--json").json["prompts"]
    return [route["tier"] for route in prompt["routes"]]


@pytest.mark.parametrize("best", TIERS)
def test_labels_by_tier_serve_every_provider(conduit: Run, machine: Path, best: str) -> None:
    """What was labelled best is what all three choose from then on."""
    ran = conduit("train-router", written(machine / "o.jsonl", rows(TIERS, best=best)))
    assert ran.code == 0
    assert "6 labelled prompts of " in ran.out
    assert "routes for: google, anthropic, openai" in ran.out
    assert best_of(conduit) == [best] * 3


def test_labels_by_model_serve_its_provider(conduit: Run, machine: Path) -> None:
    """Any name of a model will do; other providers keep the default router."""
    before = best_of(conduit)
    said = conduit(
        "train-router", written(machine / "o.jsonl", rows(OPENAI, best="o3")), "--k", "2", "--json"
    ).json
    read = load_neighbours(said["out"], digest=said["digest"])
    assert said == {
        "data": str(machine / "o.jsonl"),
        "out": str(machine / "cache" / "routers" / "trained.knn"),
        "digest": said["digest"],
        "encoder": "hashing-v1/256",
        "prompts": 6,
        "models": [*read.arms],
        "k": 2,
        "providers": ["openai"],
    }
    assert ({*read.arms}, read.k) == ({"gpt-4o-mini", "gpt-4o", "o3"}, 2)
    assert best_of(conduit) == [*before[:2], "premium"]


def test_elsewhere_it_is_not_used_yet(conduit: Run, machine: Path) -> None:
    """--out writes a file there, and says where it would have to be."""
    before = best_of(conduit)
    out = machine / "mine.knn"
    ran = conduit("train-router", written(machine / "o.jsonl", rows(TIERS)), "--out", out)
    assert (ran.code, len(load_neighbours(out))) == (0, 6)
    assert str(machine / "cache" / "routers" / "trained.knn") in ran.out
    assert best_of(conduit) == before


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (("gpt-4o", "o3"), "no labels for 'gpt-4o-mini' of openai"),
        (("budget", "gpt-4o"), "no labels for"),
        ((*TIERS, "mistral-large"), "unknown models 'mistral-large'"),
        (("gpt-4o", "openai/gpt-4o", "gpt-4o-mini", "o3"), "gpt-4o"),
    ],
    ids=["half", "mixed", "unknown", "twice"],
)
def test_labels_that_cannot_be_used_write_nothing(
    conduit: Run, machine: Path, models: Sequence[str], said: str
) -> None:
    """One line says what is missing or unknown, with exit code 2; the old router stays."""
    ran = conduit("train-router", written(machine / "o.jsonl", rows(models)))
    assert (ran.code, said in ran.error) == (2, True)
    assert not (machine / "cache").exists()


def test_no_file_and_no_neighbours_are_refused(conduit: Run, machine: Path) -> None:
    """Each ends with 2."""
    assert conduit("train-router", machine / "absent.jsonl").code == 2
    file = written(machine / "o.jsonl", rows(TIERS))
    assert conduit("train-router", file, "--k", "0").code == 2
    assert not (machine / "cache").exists()


def test_a_damaged_router_is_one_line(conduit: Run, machine: Path) -> None:
    """Exploring says which file it is and what to do, and ends with 2."""
    conduit("train-router", written(machine / "o.jsonl", rows(TIERS)))
    place = machine / "cache" / "routers" / "trained.knn"
    place.write_bytes(place.read_bytes()[:-1])
    ran = conduit("explore")
    assert ran.code == 2
    assert "SHA-256" in ran.error
    assert json.dumps(str(place))[1:-1] in ran.error
