"""One prompt: looked at, answered by whoever is asked, and written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from conduit.batch.answers import answer_of
from conduit.batch.hashes import prompt_hash
from conduit.batch.names import Job
from conduit.batch.outputs import Outputs
from conduit.batch.results import Result, Status
from conduit.core.errors import (
    AllModelsFailedError,
    ConduitError,
    InvalidInputError,
    ProviderError,
    UnusableAnswerError,
)
from conduit.core.outcomes import Response
from conduit.core.ports import Clock
from conduit.engines.shielding import finish


class Answering(Protocol):
    """Who answers the prompts of a batch.

    Attributes:
        identity: everything that makes its answers different ones; part of every prompt's hash.
        default_parallelism: how many prompts it is asked at once, where nobody says otherwise.
    """

    @property
    def identity(self) -> str:
        """As above."""
        ...

    @property
    def default_parallelism(self) -> int:
        """As above."""
        ...

    async def aanswer(self, prompt: str, /, *, fresh: bool = False) -> Response:
        """Answer one prompt; for any number of tasks at once.

        Args:
            prompt: the user's message.
            fresh: the answer to an equal prompt will not do; given only where it is so.

        Raises:
            ConduitError: when it cannot be answered.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What every prompt of a batch has in common.

    Args:
        provider: is asked.
        folder: of prompts.
        outputs: where answers go.
        force: ask again where the answer is there already.
        clock: dates answers.
        check: raises UnusableAnswerError for an answer that is not to be kept; None keeps all.
    """

    provider: Answering
    folder: Path
    outputs: Outputs
    force: bool
    clock: Clock
    check: Callable[[Response], None] | None = None

    async def do(self, job: Job) -> Result:
        """Have one prompt answered, unless it was; an error is a result like another.

        A prompt's lock is had from here to its end, and what is there is looked at once more then:
        whoever had the lock before may just have been paid for this very answer.
        """
        began = time.monotonic()
        try:
            result = await self._done(job)
        except (ConduitError, OSError) as error:
            result = _failed(job, error)
        return replace(result, seconds=time.monotonic() - began)

    async def _done(self, job: Job) -> Result:
        text, hashed, output = await asyncio.to_thread(self._looked_at, job)
        if output is None:
            async with self.outputs.locked(job):
                output = await asyncio.to_thread(self._earlier, job, hashed)
                if output is None:
                    return await self._written(job, await self._asked(text), hashed)
        return Result(prompt=job.prompt, output=output, status=Status.SKIPPED)

    async def _asked(self, text: str) -> Response:
        ask = self.provider.aanswer
        return await (ask(text, fresh=True) if self.force else ask(text))

    def _looked_at(self, job: Job) -> tuple[str, str, str | None]:
        """The prompt, its hash, and the output that answers it already."""
        text = _read(self.folder / job.prompt)
        hashed = prompt_hash(text, identity=self.provider.identity)
        return text, hashed, self._earlier(job, hashed)

    def _earlier(self, job: Job, hashed: str) -> str | None:
        """The output that answers this very prompt; None also where it is to be asked again."""
        found = self.outputs.done(job, hashed)
        return None if self.force else found

    async def _written(self, job: Job, response: Response, hashed: str) -> Result:
        """From here on nothing stops it: it is paid."""
        paid = Result(
            prompt=job.prompt,
            status=Status.DONE,
            model=response.model,
            cost=response.cost,
            saved=response.savings,
            cut=response.finish_reason == "length",
        )
        try:
            if self.check is not None:
                self.check(response)
            answer = answer_of(response.text, job.form)
            about = _about(response, self.clock)
            write = self.outputs.write
            await finish(asyncio.to_thread(write, job, answer, prompt_hash=hashed, about=about))
        except (UnusableAnswerError, OSError) as error:
            failed = _failed(job, error)
            return replace(
                paid,
                status=Status.FAILED,
                error=failed.error,
                reason=failed.reason,
                lost=isinstance(error, OSError),
            )
        return replace(paid, output=job.output(answer.form))


def _read(path: Path) -> str:
    if not path.is_file():  # a pipe would have us wait for ever
        raise InvalidInputError("the prompt is no file, or a link that leads nowhere")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"the prompt is not in UTF-8 (byte {error.start})", remedy="convert it"
        ) from None
    if not text.strip():
        raise InvalidInputError("the prompt is empty")
    return text


def _about(response: Response, clock: Clock) -> Mapping[str, object]:
    return {
        "model": response.model,
        "provider": response.provider,
        "cost_usd": response.cost,
        "input_tokens": response.input_tokens,
        "output_tokens": response.output_tokens,
        "finish_reason": response.finish_reason,
        "decision_id": response.decision_id,
        "created_at": datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="seconds"),
    }


def _failed(job: Job, error: ConduitError | OSError) -> Result:
    return Result(
        prompt=job.prompt,
        status=Status.FAILED,
        error=str(error) or type(error).__name__,
        reason=" ".join([type(error).__name__, *_kinds(error)]),
    )


def _kinds(error: Exception) -> list[str]:
    """What providers' errors are about; their words may be the prompt's."""
    calls = error.failures if isinstance(error, AllModelsFailedError) else (error,)
    kinds = (f"{it.model}:{it.kind.value}" for it in calls if isinstance(it, ProviderError))
    return list(dict.fromkeys(kinds))
