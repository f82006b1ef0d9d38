"""The policy knn: labelled queries in a router, from memory and from a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from conduit.core.errors import InvalidInputError, LayoutMismatchError, StoreError
from conduit.core.models import MAX_TEXT_BYTES
from conduit.engines.labelled import fit_neighbours
from conduit.features.encoders.hashing import HashingEncoder
from conduit.settings import Settings
from conduit.stores.neighbours_file import save_neighbours
from tests.engines.builders import (
    CODE,
    EQUAL,
    VERSE,
    labelled_outcomes,
    labelled_queries,
    router_of,
)

NAMES = ("poet", "coder")


async def test_the_model_of_the_nearest_queries_is_chosen(tmp_path: Path) -> None:
    """Verse goes to the poet and code to the coder, from memory and from a file alike."""
    path = tmp_path / "labelled.knn"
    save_neighbours(labelled_queries(*NAMES), path)
    for given in (labelled_queries(*NAMES), path, str(path)):
        async with router_of(*EQUAL, policy="knn", neighbours=given) as router:
            for kind, model in ((VERSE, "poet"), (CODE, "coder")):
                for prompt in kind:
                    decision = await router.route(f"{prompt}, please")
                    assert decision.selected_model == model
                    assert decision.estimates[model].mean == pytest.approx(0.9)
                    assert decision.estimates[model].observations == 5


async def test_the_file_may_come_from_the_settings(tmp_path: Path) -> None:
    """CONDUIT_NEIGHBOURS stands in where no file is given."""
    save_neighbours(labelled_queries(*NAMES), tmp_path / "labelled.knn")
    settings = Settings.load({"CONDUIT_NEIGHBOURS": str(tmp_path / "labelled.knn")})
    async with router_of(*EQUAL, policy="knn", settings=settings) as router:
        assert (await router.route(VERSE[0])).selected_model == "poet"


async def test_ratings_do_not_change_what_the_labels_say() -> None:
    """The estimate of quality is fixed; the rating is kept all the same, for other policies."""
    async with router_of(*EQUAL, policy="knn", neighbours=labelled_queries(*NAMES)) as router:
        before = await router.route(VERSE[0])
        await router.feedback(before.id, rating=1)
        after = await router.route(VERSE[0])
        state = await (await router.open()).parts.store.load()
    assert before.estimates == after.estimates
    assert state.statistics["poet", "quality"].count == 1


def test_without_labelled_queries_there_is_no_knn() -> None:
    """Making the router says what is missing."""
    with pytest.raises(InvalidInputError, match="'knn' has no labelled queries"):
        router_of(*EQUAL, policy="knn")


async def test_labels_of_other_models_or_another_encoder_are_refused(tmp_path: Path) -> None:
    """Each is refused on opening, by name, whatever the store holds by then."""
    good = labelled_queries(*NAMES)
    bad = [
        (labelled_queries("poet", "painter"), InvalidInputError, "labelled queries for 'coder'"),
        (replace(good, encoder="minilm"), LayoutMismatchError, "embedded by 'minilm'"),
        (tmp_path / "nowhere", StoreError, "nowhere cannot be read"),
    ]
    for given, kind, said in bad:
        router = router_of(*EQUAL, policy="knn", neighbours=given)
        with pytest.raises(kind, match=said):
            await router.route("hello")
        await router.aclose()


async def test_labels_may_cover_more_models_than_are_routed_among() -> None:
    """The arms' own columns are taken, in the arms' own order."""
    given = labelled_queries("poet", "painter", "coder")
    async with router_of(*EQUAL[::-1], policy="knn", neighbours=given) as router:
        assert (await router.route(CODE[0])).selected_model == "coder"


def test_fitting_tells_how_far_it_is_and_refuses_what_is_no_query() -> None:
    """Progress adds up to the number of prompts; a prompt too long to be asked is refused."""
    told: list[int] = []
    outcomes = labelled_outcomes(*NAMES)
    fit_neighbours(outcomes, HashingEncoder(), progress=told.append)
    assert sum(told) == len(outcomes)
    endless = replace(outcomes, texts=("x" * (MAX_TEXT_BYTES + 1), *outcomes.texts[1:]))
    with pytest.raises(InvalidInputError, match="bytes"):
        fit_neighbours(endless, HashingEncoder())
