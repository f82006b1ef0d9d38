"""``get_provider("openai")``: one model of one provider, by name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from functools import partial

from conduit.simple.answer import Answer
from conduit.simple.house import house
from conduit.simple.named.plans import NamedPlan, Wish, answered, streamed
from conduit.simple.named.voice import Voice


class NamedProvider:
    """One model of one provider, which answers every prompt that it is given.

    Answers that were cut by their length are continued. Every call is paid from the budgets, has an
    entry in the ledger, and can be rated. May be used from any number of threads, and where an event
    loop runs. Made by :func:`conduit.get_provider`; prices, keys and settings are those of that moment.

    Args:
        wish: what was asked for.
    """

    def __init__(self, wish: Wish) -> None:
        self._known = wish.known
        self._plan = NamedPlan.of(wish, house().overrides)

    @property
    def name(self) -> str:
        """Of the provider."""
        return self._known.name

    @property
    def model_name(self) -> str:
        """Of the model, as the provider knows it; a tool's own model has the tool's name."""
        return self._plan.arm.api_name

    @property
    def default_parallelism(self) -> int:
        """Prompts at once that it may be given where nobody says how many."""
        return self._known.default_parallelism

    @property
    def identity(self) -> str:
        """A line that is the same as long as answers are made in the same way."""
        return self._plan.identity

    def run(self, prompt: str) -> str:
        """Have a prompt answered; waits for it.

        Raises:
            InvalidInputError: for an empty prompt.
            BudgetExceededError: when an account has too little left.
            AllModelsFailedError: when the model did not answer, however often it was asked.
        """
        return self.answer(prompt).text

    def answer(self, prompt: str) -> Answer:
        """Likewise, with the answer's cost, tokens and decision; it takes a rating."""
        home = house()
        return home.background.run(answered(home, self._plan, prompt))

    async def aanswer(self, prompt: str, *, fresh: bool = False) -> Answer:
        """Likewise, awaited; cancelling it hangs up on the model, and pays what was used.

        Args:
            prompt: the user's message.
            fresh: ask anew, even where ``CONDUIT_RESPONSE_CACHE_SECONDS`` remembers an answer.
        """
        home = house()
        return await home.background.awaited(answered(home, self._plan, prompt, fresh=fresh))

    async def async_run(
        self, prompt: str, stream_to_stdout: bool = False
    ) -> tuple[str, Mapping[str, int | None], str]:
        """Likewise, as text, tokens and id.

        Args:
            prompt: the user's message.
            stream_to_stdout: write the answer to standard output while it is given; a model that
                breaks off has written what it said.

        Returns:
            The answer; ``prompt_tokens``, ``completion_tokens`` and ``total_tokens``, None where the
            provider did not say; and the id that ``conduit feedback`` takes.
        """
        answer = await (self._told(prompt) if stream_to_stdout else self.aanswer(prompt))
        return answer.text, _usage(answer), answer.decision_id

    def pieces(self, prompt: str) -> Iterator[str | Answer]:
        """Pieces of text while the answer is given, and last the answer as a whole.

        Stop reading whenever you like: what was answered until then is paid and on the ledger.
        """
        home = house()
        return home.background.iterate(partial(streamed, home, self._plan, prompt))

    def apieces(self, prompt: str) -> AsyncGenerator[str | Answer, None]:
        """Likewise, awaited; close it, or read it to its end."""
        home = house()
        return home.background.each(partial(streamed, home, self._plan, prompt))

    async def _told(self, prompt: str) -> Answer:
        """The answer, which was written to standard output while it was given."""
        with Voice() as voice:
            async with aclosing(self.apieces(prompt)) as pieces:
                async for piece in pieces:
                    voice.take(piece)
        return voice.answer

    def __repr__(self) -> str:
        return f"NamedProvider({self.identity!r})"


def _usage(answer: Answer) -> Mapping[str, int | None]:
    into, out = answer.input_tokens, answer.output_tokens
    total = None if into is None or out is None else into + out
    return {"prompt_tokens": into, "completion_tokens": out, "total_tokens": total}
