"""Models behind a command-line tool: ``codex exec`` and ``claude -p``."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace
from pathlib import Path

from conduit.core.arms import Arm
from conduit.core.errors import ConfigurationError, FailureKind, ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.providers.allowances import Allowance
from conduit.providers.cli_commands import (
    TOOLS,
    Tool,
    ToolFailedError,
    UnreadableOutputError,
    model_of,
)
from conduit.providers.cli_faults import fault_in
from conduit.providers.cli_programs import MOST_OUTPUT, Ran, TooMuchOutputError, run_program
from conduit.providers.cli_prompts import prompt_of
from conduit.providers.replies import check_answer, in_one_piece, timed_out


class CliToolClient:
    """Calls a tool once per request, as a process that is gone when the call is.

    The prompt is standard input, so that no other process sees it. A tool takes neither
    ``max_tokens`` nor ``temperature``, and answers in one piece. Who pays is its own affair: a
    subscription, or the key it is signed in with.

    Args:
        reasoning: effort for ``openai-codex``: ``low``, ``medium`` or ``high``; None leaves it to
            the tool's settings.
        secrets: struck out of what a tool says when it fails.
    """

    def __init__(self, *, reasoning: str | None = None, secrets: Iterable[str] = ()) -> None:
        self._reasoning = reasoning
        self._secrets = tuple(secrets)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer one request, within ``request.timeout`` seconds.

        Cancelling it ends the tool with all that the tool has started.

        Raises:
            ProviderError: when the tool did not answer.
            ConfigurationError: when the tool is not installed, or the arm is of none.
        """
        tool, model, prompt = _tool_of(request.arm), request.arm.id, prompt_of(request)
        program, allowance = program_of(request.arm.provider), Allowance(request.timeout)
        arguments = tool.command(model_of(request.arm), self._reasoning)
        try:
            ran = await allowance.wait(run_program(program, arguments, stdin=prompt))
        except TimeoutError:
            raise timed_out(request.timeout, model=model) from None
        except OSError as error:
            raise self._fault(f"{program} cannot be run: {error.strerror}", model=model) from None
        except TooMuchOutputError:
            said = f"it said more than {MOST_OUTPUT:,} bytes"
            raise ProviderError(FailureKind.SERVER, model=model, detail=said) from None
        reply = self._reply(ran, tool, model=model)
        return check_answer(replace(reply, latency=allowance.used), model=model)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | ModelReply, None]:
        """Answer one request in one piece; the reply is last. Errors as for :meth:`complete`."""
        for part in in_one_piece(await self.complete(request)):
            yield part

    async def aclose(self) -> None:
        """Nothing is kept from one call to the next."""

    def _reply(self, ran: Ran, tool: Tool, *, model: str) -> ModelReply:
        """What a tool that has ended says; of a failure its answer knows more than its log."""
        try:
            reply = tool.reply(ran.stdout)
        except ToolFailedError as failed:
            raise self._fault(str(failed), model=model) from None
        except UnreadableOutputError as error:
            if ran.code == 0:
                raise ProviderError(FailureKind.SERVER, model=model, detail=str(error)) from None
        else:
            if ran.code == 0:
                return reply
        ended = f"signal {-ran.code}" if ran.code < 0 else f"exit code {ran.code}"
        raise self._fault(ran.stderr.strip() or f"it ended with {ended}", model=model)

    def _fault(self, said: str, *, model: str) -> ProviderError:
        return fault_in(said, model=model, secrets=self._secrets)


def program_of(provider: str) -> Path:
    """The file of a tool's program.

    Raises:
        ConfigurationError: when it is not on PATH.
    """
    tool, found = TOOLS[provider], found_program(provider)
    if found is None:
        raise ConfigurationError(
            f"provider {provider!r} needs the command {tool.program!r}, which is not on PATH",
            remedy=f"{tool.remedy}, or choose another provider",
        )
    return found


def found_program(provider: str) -> Path | None:
    """Likewise; None where there is none."""
    found = shutil.which(TOOLS[provider].program)
    return None if found is None else Path(found)


def _tool_of(arm: Arm) -> Tool:
    if arm.provider not in TOOLS:
        raise ConfigurationError(
            f"provider {arm.provider!r} of model {arm.id!r} is no command-line tool",
            remedy=f"use one of {', '.join(TOOLS)}",
        )
    return TOOLS[arm.provider]
