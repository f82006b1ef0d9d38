"""``smart_classify`` as Conductor's README prints it."""

from __future__ import annotations

import pytest

from . import snippets
from .places import Ran, at_once, in_jupyter, offline

SNIPPETS = {"classification": snippets.CLASSIFICATION, "classify": snippets.CLASSIFY}


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """What Jupyter said of every snippet."""
    return in_jupyter(offline(tmp_path_factory.mktemp("jupyter")), SNIPPETS)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """Every snippet, alone and in 32 threads."""
    return at_once(offline(tmp_path_factory.mktemp("threads")), SNIPPETS)


def test_a_simple_prompt_scores_low_and_a_complex_one_high(ran: dict[str, Ran]) -> None:
    """The first of the README's two is in the lower third, the second in the upper half."""
    simple, why_simple, hard, why_hard = ran["classification"].lines
    assert 0 <= float(simple) < 1 / 3
    assert 0.5 < float(hard) <= 1
    assert why_simple
    assert why_hard


def test_the_reference_of_the_classifier(ran: dict[str, Ran]) -> None:
    """The score is the raw one of 1 to 10, brought to 0 to 1."""
    score, raw, why = ran["classify"].lines
    assert 1 <= int(raw) <= 10
    assert float(score) == pytest.approx((int(raw) - 1) / 9)
    assert why


@pytest.mark.parametrize("name", SNIPPETS)
def test_it_runs_in_jupyter(cells: dict[str, tuple[str, str]], name: str) -> None:
    """A real kernel, whose event loop runs, takes every snippet as it is."""
    status, said = cells[name]
    assert status == "ok", said


@pytest.mark.parametrize("name", SNIPPETS)
def test_what_is_known_is_not_paid_again_by_32_threads(ran: dict[str, Ran], name: str) -> None:
    """Thirty-two that ask at once what was asked before book nothing."""
    assert ran[name].together.total() == 0
