"""Somebody who answers the prompts of a batch, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from conduit.core.outcomes import Response


def response(text: str, *, finish_reason: str = "stop") -> Response:
    """An answer that cost $0.25, and $1 at the baseline."""
    return Response(
        text=text,
        model="small",
        provider="here",
        cost=0.25,
        input_tokens=3,
        output_tokens=5,
        base_model="large",
        base_cost=1.0,
        latency=0.5,
        decision_id="d-1",
        finish_reason=finish_reason,
    )


class Scripted:
    """Answers as it is told, and counts.

    Args:
        answer: makes an answer of a prompt, or raises.
        identity: of who answers.
        gate: is waited for before each answer.
    """

    default_parallelism = 4

    def __init__(
        self,
        answer: Callable[[str], str] = lambda prompt: f"re: {prompt}",
        *,
        identity: str = "scripted",
        gate: asyncio.Event | None = None,
    ) -> None:
        self.answer = answer
        self.identity = identity
        self.gate = gate
        self.asked: list[str] = []
        self.fresh: list[bool] = []
        self.cancelled = 0
        self.under_way = self.most = 0
        self.busy = asyncio.Event()

    async def aanswer(self, prompt: str, /, *, fresh: bool = False) -> Response:
        self.asked.append(prompt)
        self.fresh.append(fresh)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.busy.set()
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
            return response(self.answer(prompt))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1


def write(folder: Path, **prompts: str) -> Path:
    """Prompts of the names ``{key}.prompt.md``; ``__`` in a key is a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in prompts.items():
        (folder / f"{name.replace('__', '.')}.prompt.md").write_text(text, encoding="utf-8")
    return folder


def names(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(it.relative_to(folder).as_posix() for it in folder.rglob("*") if it.is_file())
