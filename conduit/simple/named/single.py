"""One prompt for a command line."""

from __future__ import annotations

import sys

from conduit.core.errors import ConduitError
from conduit.simple.answer import Answer
from conduit.simple.named.provider import NamedProvider
from conduit.simple.named.standard_input import standard_input
from conduit.simple.named.voice import Voice


def run_single(provider: NamedProvider, prompt: str | None, *, stream: bool, verbose: bool) -> int:
    """The exit code of one prompt, whose answer was written to standard output."""
    try:
        text = standard_input() if prompt is None else prompt
        with Voice() as voice:
            if stream:
                for piece in provider.pieces(text):
                    voice.take(piece)
                answer = voice.answer
            else:
                answer = provider.answer(text)
                voice.take(answer.text)
    except ConduitError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    if voice.refused is not None:
        return _unheard(voice.refused)
    if verbose:
        sys.stderr.write(f"{_summary(answer)}\n")
    return 0


def _unheard(error: OSError) -> int:
    if isinstance(error, BrokenPipeError):
        return 141  # as after SIGPIPE
    sys.stderr.write(f"error: standard output cannot be written to: {error.strerror}\n")
    return 2


def _summary(answer: Answer) -> str:
    seconds = "latency unknown" if answer.latency is None else f"{answer.latency:.1f} s"
    return (
        f"{answer.model} ({answer.provider}) | ${answer.cost:.6f} | {seconds} | "
        f"conduit feedback {answer.decision_id} --rating 1…5"
    )
