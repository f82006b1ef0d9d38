"""What is said of an answer is learned, once, whoever says it and where."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Response
from conduit.simple.house import House
from conduit.simple.sessions.session import Session

from .conftest import Place

RATINGS = "select value, weight from observations where signal = 'rating'"


def test_a_rating_is_learned_once(offline: Place, home: House) -> None:
    """The same one again changes nothing, from 32 threads at once; another one takes its place."""
    with Session(home) as s:
        answer = s.llm("What is 2+2?")
    with ThreadPoolExecutor(32) as threads:
        list(threads.map(answer.rate, [5] * 32))
    assert offline.rows(RATINGS) == [(1.0, 1.0)]
    answer.rate(1)
    home.close()
    assert offline.rows(RATINGS) == [(0.0, 1.0)]


async def test_a_rating_may_be_given_where_a_loop_runs(offline: Place, home: House) -> None:
    """Plainly, and awaited, which lets other tasks go on."""
    async with Session(home) as s:
        answers = await asyncio.gather(*(s.allm(f"What is {it}+2?") for it in range(4)))
    answers[0].rate(5)
    await asyncio.gather(*(answer.arate(1) for answer in answers[1:]))
    assert sorted(offline.rows(RATINGS)) == [(0.0, 1.0)] * 3 + [(1.0, 1.0)]


def test_the_next_process_knows_what_this_one_was_told(offline: Place) -> None:
    """Ratings are in the database when the house is closed, folded into what is learned."""
    first = House()
    with Session(first) as s:
        s.llm("What is 2+2?").rate(5)
    first.close()
    assert offline.rows("select count(*) from pending") == [(0,)]
    assert offline.rows("select arm from arm_state where head = 'quality'") == [("gpt-4o-mini",)]


def test_an_answer_is_a_response_like_any_other(offline: Place, home: House) -> None:
    """Its fields are those of every face, its repr shows no machinery, and it cannot be changed."""
    with Session(home) as s:
        answer = s.llm("What is 2+2?")
    assert answer.prompt_tokens == answer.input_tokens
    assert answer.saved == pytest.approx(answer.baseline_cost - answer.cost)
    assert "tell" not in repr(answer)
    assert copy.copy(answer) == answer
    with pytest.raises(AttributeError):
        answer.text = "Five."  # type: ignore[misc] # which is what is tested


def test_an_answer_can_be_copied_pickled_and_made_a_dictionary(offline: Place, home: House) -> None:
    """As any response; a copy is one that nobody can be told of, which says how it is rated."""
    with Session(home) as s:
        answer = s.llm("What is 2+2?")
    names = [it.name for it in dataclasses.fields(Response)]
    plain = Response(**{name: getattr(answer, name) for name in names})
    assert dataclasses.asdict(answer) == dataclasses.asdict(plain)
    replaced = dataclasses.replace(answer, finish_reason=answer.finish_reason)
    for other in (copy.deepcopy(answer), pickle.loads(pickle.dumps(answer)), replaced):
        assert isinstance(other, Response)
        assert other == answer
        with pytest.raises(InvalidInputError, match=f"use conduit feedback {answer.decision_id}"):
            other.rate(5)
    assert offline.rows(RATINGS) == []
    answer.rate(5)
    assert offline.rows(RATINGS) == [(1.0, 1.0)]
