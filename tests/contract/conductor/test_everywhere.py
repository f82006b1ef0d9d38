"""Every snippet of Conductor's README, in Jupyter and from 32 threads at once."""

from __future__ import annotations

import pytest

from .places import THREADS, Ran, times
from .snippets import PROGRAMS, RECORDS


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_runs_in_jupyter(
    cells: dict[str, tuple[str, str]], ran: dict[str, Ran], name: str
) -> None:
    """A real kernel, whose event loop runs, takes every snippet and prints as much as a script."""
    status, said = cells[name]
    assert status == "ok", said
    assert len(said.splitlines()) == len(ran[name].lines)


@pytest.mark.parametrize("name", PROGRAMS)
def test_costs_of_32_threads_add_up(ran: dict[str, Ran], name: str) -> None:
    """Thirty-two at once book what one books, thirty-two times, to the nanodollar."""
    assert ran[name].alone.total() == RECORDS[name]
    assert ran[name].together == times(ran[name].alone, 0 if name == "table" else THREADS)
