"""Command-line tools that answer prompts: how each is called, and what it says.

Both are agents, and are asked to be none: they get an empty folder, may change nothing, and keep no
session. The options are those of ``codex exec --help`` and ``claude --help``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from conduit.core.arms import Arm
from conduit.core.outcomes import ModelReply


class ToolFailedError(Exception):
    """A tool said that it failed, in these words."""


class UnreadableOutputError(Exception):
    """A tool said something else than it does by its documentation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool.

    Args:
        program: its command.
        remedy: how a user gets it.
        command: its arguments, from model (None for the tool's own) and reasoning effort.
        reply: what its standard output says, but for the latency; raises the two errors above.
        says_cost: whether that has what the call did cost.
    """

    program: str
    remedy: str
    command: Callable[[str | None, str | None], tuple[str, ...]]
    reply: Callable[[str], ModelReply]
    says_cost: bool = False


def model_of(arm: Arm) -> str | None:
    """The model that a tool is asked for; None where the arm is the tool itself."""
    return None if arm.api_name == arm.provider else arm.api_name


def _codex(model: str | None, reasoning: str | None) -> tuple[str, ...]:
    options = ["exec", "--json", "--skip-git-repo-check", "--ephemeral", "--sandbox=read-only"]
    if model is not None:
        options.append(f"--model={model}")
    if reasoning is not None:
        options.append(f"--config=model_reasoning_effort={json.dumps(reasoning)}")
    return (*options, "-")


def _claude(model: str | None, _reasoning: str | None) -> tuple[str, ...]:
    options = ["-p", "--output-format=json", "--tools", "", "--strict-mcp-config"]
    options.append("--no-session-persistence")
    if model is not None:
        options.append(f"--model={model}")
    return tuple(options)


def _codex_reply(said: str) -> ModelReply:
    """The last message of its events, one JSON object per line."""
    text, into, out, cached, ended = "", 0, 0, 0, False
    for event in _events(said):
        item, kind = _object(event.get("item")), event.get("type")
        if kind == "item.completed" and item.get("type") == "agent_message":
            text = str(item.get("text") or "")
        elif kind == "turn.completed":
            used = _object(event.get("usage"))
            into += _count(used, "input_tokens")
            cached += _count(used, "cached_input_tokens")
            out += _count(used, "output_tokens")
            ended = True
        elif kind == "turn.failed":
            raise ToolFailedError(str(_object(event.get("error")).get("message") or kind))
    if not ended:
        raise UnreadableOutputError("its events do not say that the turn was completed")
    known = into + out > 0
    return ModelReply(
        text=text,
        input_tokens=into if known else None,
        output_tokens=out if known else None,
        cached_tokens=cached if known else None,
    )


def _claude_reply(said: str) -> ModelReply:
    """The object that it prints, or the last one where its settings have it print all."""
    try:
        whole = json.loads(said)
    except ValueError:
        raise UnreadableOutputError("its output is no JSON") from None
    result = _object(whole[-1] if isinstance(whole, list) and whole else whole)
    text = result.get("result")
    if result.get("is_error") or not isinstance(text, str):
        raise ToolFailedError(str(text or result.get("subtype") or "no result"))
    used = _object(result.get("usage"))
    cached = _count(used, "cache_read_input_tokens")
    into = _count(used, "input_tokens") + cached + _count(used, "cache_creation_input_tokens")
    return ModelReply(
        text=text,
        input_tokens=into if used else None,
        output_tokens=_count(used, "output_tokens") if used else None,
        cached_tokens=cached if used else None,
        cost=_amount(result.get("total_cost_usd")),
        finish_reason="length" if result.get("stop_reason") == "max_tokens" else "stop",
    )


def _events(said: str) -> Iterator[Mapping[str, Any]]:
    """The JSON objects among some lines; what else is printed says nothing."""
    for line in said.split("\n"):  # other breaks may stand inside a string
        try:
            yield _object(json.loads(line))
        except ValueError:
            continue


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(used: Mapping[str, Any], name: str) -> int:
    value = used.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _amount(cost: object) -> float | None:
    """USD; None for what is no amount of money."""
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return float(cost) if 0 <= cost < float("inf") else None


TOOLS: Mapping[str, Tool] = MappingProxyType(
    {
        "openai-codex": Tool(
            program="codex",
            remedy="install the Codex CLI and sign in with 'codex login'",
            command=_codex,
            reply=_codex_reply,
        ),
        "claude-code": Tool(
            program="claude",
            remedy="install Claude Code and sign in by starting 'claude' once",
            command=_claude,
            reply=_claude_reply,
            says_cost=True,
        ),
    }
)
"""Tools by the name of their provider."""
