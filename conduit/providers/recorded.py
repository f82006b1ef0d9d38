"""Outcomes that were recorded once, replayed in the place of model calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass

from conduit.core.errors import FailureKind, InvalidInputError, ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.providers.replies import check_answer, check_deadline, in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOutcome:
    """What one arm did with one prompt. None means that it was not recorded, which is not zero.

    Args:
        prompt: the text as it was sent.
        arm: id of the arm.
        cost: USD.
        quality: 0..1, as judged.
        input_tokens: as billed.
        output_tokens: as billed.
        latency: seconds.
        text: the answer; an empty string is an answer without text, which is a failure.
        query_id: tells prompts with the same text apart.
    """

    prompt: str
    arm: str
    cost: float | None = None
    quality: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency: float | None = None
    text: str | None = None
    query_id: str | None = None


class RecordedProvider:
    """A model client that answers with recorded outcomes.

    A request whose query id was recorded is looked up by (query id, arm), any other by (prompt,
    arm). Where several queries have the same text, the first one recorded answers for the text.
    ``max_tokens`` and ``temperature`` cannot change what was recorded; a recorded latency beyond
    the request's timeout fails with ``TIMEOUT``, as the call would have. Takes no time.

    Args:
        outcomes: the rows, in any order.

    Raises:
        InvalidInputError: when two rows tell of the same arm and query.
    """

    def __init__(self, outcomes: Iterable[RecordedOutcome]) -> None:
        self._by_query: dict[tuple[str, str], RecordedOutcome] = {}
        self._by_prompt: dict[tuple[str, str], RecordedOutcome] = {}
        self._queries: set[str] = set()
        for outcome in outcomes:
            self._add(outcome)

    def outcome(self, request: ModelRequest) -> RecordedOutcome:
        """The row that answers a request, with its quality.

        Raises:
            ProviderError: BAD_REQUEST when there is none.
        """
        arm = request.arm.id
        found = (
            self._by_query.get((request.query_id, arm))
            if request.query_id in self._queries
            else self._by_prompt.get((request.text, arm))
        )
        if found is None:
            raise ProviderError(
                FailureKind.BAD_REQUEST,
                model=arm,
                detail=f"no outcome of {arm!r} is recorded for the prompt {request.text[:60]!r}",
            )
        return found

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer with the recorded outcome.

        Raises:
            ProviderError: BAD_REQUEST for what was not recorded; TIMEOUT and EMPTY as from every
                client.
        """
        outcome = self.outcome(request)
        check_deadline(outcome.latency, request.timeout, model=outcome.arm)
        reply = ModelReply(
            text=outcome.text or "",
            input_tokens=outcome.input_tokens,
            output_tokens=outcome.output_tokens,
            cost=outcome.cost,
            latency=outcome.latency,
        )
        return reply if outcome.text is None else check_answer(reply, model=outcome.arm)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | ModelReply, None]:
        """Answer with the recorded outcome, word by word; the reply is last.

        Raises:
            ProviderError: as :meth:`complete` does, before the first piece.
        """
        for piece in in_words(await self.complete(request)):
            yield piece

    async def aclose(self) -> None:
        """Nothing to release."""

    def _add(self, outcome: RecordedOutcome) -> None:
        by_prompt = (outcome.prompt, outcome.arm)
        if outcome.query_id is None:
            _refuse_second(by_prompt in self._by_prompt, outcome)
        else:
            by_query = (outcome.query_id, outcome.arm)
            _refuse_second(by_query in self._by_query, outcome)
            self._by_query[by_query] = outcome
            self._queries.add(outcome.query_id)
        self._by_prompt.setdefault(by_prompt, outcome)


def _refuse_second(known: bool, outcome: RecordedOutcome) -> None:
    if known:
        raise InvalidInputError(
            f"two outcomes of {outcome.arm!r} are recorded for the same query "
            f"({outcome.query_id or outcome.prompt[:60]!r})",
            remedy="give every query a query_id of its own",
        )
