"""Models behind a command-line tool."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from conduit.core.arms import Arm
from conduit.core.chat import Chat
from conduit.core.errors import ConfigurationError, FailureKind, ProviderError
from conduit.core.outcomes import ModelReply, ModelRequest
from conduit.core.sharing import Json
from conduit.providers.cli_commands import TOOLS
from conduit.providers.cli_programs import TooMuchOutputError, run_program
from conduit.providers.cli_tools import CliToolClient

from .fake_tools import NAMES, calls, install

BOTH = pytest.mark.parametrize("provider", NAMES)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the programs on PATH write down how they were called."""
    monkeypatch.setenv("PATH", str(install(tmp_path / "bin")), prepend=os.pathsep)
    monkeypatch.setenv("FAKE_TOOL_LOG", str(tmp_path / "calls"))
    return tmp_path / "calls"


async def ask(
    provider: str, text: str, *, model: str = "", reasoning: str | None = None
) -> ModelReply:
    arm = Arm(id=model or provider, provider=provider, model=model)
    client = CliToolClient(reasoning=reasoning, secrets=["given-to-conduit"])
    return await client.complete(ModelRequest(arm=arm, text=text, timeout=60))


async def failure(provider: str, text: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await ask(provider, text)
    return caught.value


async def test_codex(log: Path) -> None:
    """The answer is its last message; tokens are as it counts them, and what it costs is not said."""
    reply = await ask("openai-codex", "2+2?", model="gpt-5", reasoning="high")
    assert (reply.text, reply.finish_reason, reply.cost) == ("echo of 2+2?", "stop", None)
    assert (reply.input_tokens, reply.cached_tokens, reply.output_tokens) == (100, 60, 7)
    assert reply.latency is not None
    (call,) = calls(log)
    assert call["arguments"] == [
        "exec",
        "--json",
        "--skip-git-repo-check",
        "--ephemeral",
        "--sandbox=read-only",
        "--model=gpt-5",
        '--config=model_reasoning_effort="high"',
        "-",
    ]


async def test_claude(log: Path) -> None:
    """The answer is its result, with all tokens that were read, and the cost that it reports."""
    reply = await ask("claude-code", "2+2?", model="sonnet", reasoning="high")
    assert (reply.text, reply.finish_reason, reply.cost) == ("echo of 2+2?", "stop", 0.0125)
    assert (reply.input_tokens, reply.cached_tokens, reply.output_tokens) == (100, 60, 7)
    (call,) = calls(log)
    assert call["arguments"] == [
        "-p",
        "--output-format=json",
        "--tools",
        "",
        "--strict-mcp-config",
        "--no-session-persistence",
        "--model=sonnet",
    ]


@BOTH
async def test_the_tool_alone(provider: str, log: Path) -> None:
    """An arm that is the tool itself leaves model and effort to the tool's settings."""
    await ask(provider, "2+2?")
    (call,) = calls(log)
    assert not [it for it in call["arguments"] if it.startswith(("--model", "--config"))]


@BOTH
async def test_a_prompt_is_no_argument(provider: str, log: Path) -> None:
    """It goes to standard input as it is, whatever it looks like, and the tool's folder is empty."""
    prompt = "--help; $(touch x)\n'quoted' \"ünïcode\" `ls`"
    assert (await ask(provider, prompt)).text == f"echo of {prompt}"
    (call,) = calls(log)
    assert (call["prompt"], call["files"]) == (prompt, [])
    assert not any("touch" in argument for argument in call["arguments"])


@BOTH
@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("broken", FailureKind.BAD_REQUEST, "Error: the model is not supported"),
        ("limited", FailureKind.RATE_LIMIT, "You have hit your usage limit."),
        ("secret", FailureKind.AUTHENTICATION, "401 Unauthorized: ***, ***"),
        ("signal", FailureKind.SERVER, "it ended with signal 15"),
        ("empty", FailureKind.EMPTY, "no text (stop)"),
    ],
)
async def test_a_failure_says_why(
    provider: str, text: str, kind: FailureKind, said: str, log: Path
) -> None:
    """Its kind is read from the tool's last words, which it shows without keys."""
    failed = await failure(provider, text)
    assert (failed.kind, failed.detail) == (kind, said)


@BOTH
async def test_output_that_nobody_understands(provider: str, log: Path) -> None:
    """A tool that ends well and says something else is a fault of the server."""
    assert (await failure(provider, "garbage")).kind is FailureKind.SERVER


@BOTH
async def test_output_without_end(
    provider: str, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool that says too much is stopped."""
    monkeypatch.setattr("conduit.providers.cli_programs.MOST_OUTPUT", 3_000_000)
    failed = await failure(provider, "flood")
    assert (failed.kind, "more than" in failed.detail) == (FailureKind.SERVER, True)


async def test_what_a_stopped_program_had_said_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Output that nobody takes fills a pipe, whose end must be seen all the same."""
    monkeypatch.setattr("conduit.providers.cli_programs.MOST_OUTPUT", 100)
    flood = Path(shutil.which("yes") or "yes")
    async with asyncio.timeout(30):
        with pytest.raises(TooMuchOutputError):
            await run_program(flood, (), stdin="")
    assert not caplog.records


@asynccontextmanager
async def watched(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[asyncio.Event, asyncio.Event]]:
    """Events: a tool and its child are up, and neither is there any more."""
    up, gone = asyncio.Event(), asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(2)
        up.set()
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(watch, "127.0.0.1", 0)
    monkeypatch.setenv("FAKE_TOOL_PORT", str(server.sockets[0].getsockname()[1]))
    async with server:
        yield up, gone


@BOTH
async def test_cancelling_ends_all_of_it(
    provider: str, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the tool nor what it has started outlives a call that was given up, as at a deadline."""
    async with watched(monkeypatch) as (up, gone):
        call = asyncio.create_task(ask(provider, "group"))
        await asyncio.wait_for(up.wait(), 30)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(gone.wait(), 30)


@BOTH
async def test_a_missing_program(
    provider: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error names the command that is missing and how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=rf"'{NAMES[provider]}', .* not on PATH; install"):
        await ask(provider, "2+2?")


async def test_another_provider_is_no_tool() -> None:
    """An arm that no tool serves is refused."""
    with pytest.raises(ConfigurationError, match=r"'openai'.*is no command-line tool"):
        await ask("openai", "2+2?")


async def test_a_conversation_is_written_down(log: Path) -> None:
    """Who said what is kept, and an answer that was cut is to be gone on with."""
    said: tuple[Json, ...] = (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Tell me."}]},
        {"role": "assistant", "content": "Once"},
    )
    arm = Arm(id="a", provider="claude-code")
    request = ModelRequest(arm=arm, text="Tell me.", chat=Chat(messages=said), timeout=60)
    assert (await CliToolClient().complete(request)).text == ", and the other."
    (call,) = calls(log)
    assert call["prompt"].startswith("System: Be brief.\n\nUser: Tell me.\n\nAssistant: Once\n\n")


@pytest.mark.parametrize(
    ("message", "options", "said"),
    [
        ({"role": "user", "content": "x"}, {"tools": [{}]}, "has no option 'tools'"),
        ({"role": "tool", "content": "x"}, {}, "takes no tool calls"),
        ({"role": "user", "content": [{"type": "image_url"}]}, {}, "takes text alone"),
    ],
)
async def test_what_cannot_be_said_is_refused(
    message: Json, options: Json, said: str, log: Path
) -> None:
    """Tools, pictures and promises about the answer are refused by name, and nothing is run."""
    chat = Chat(messages=(message,), options=options)
    arm = Arm(id="a", provider="openai-codex")
    with pytest.raises(ProviderError, match=said) as caught:
        await CliToolClient().complete(ModelRequest(arm=arm, text="x", chat=chat))
    assert caught.value.kind is FailureKind.BAD_REQUEST
    assert await asyncio.to_thread(log.exists) is False


def test_a_line_of_events_ends_where_json_lines_end() -> None:
    """Not at the breaks that a string of JSON may hold as they are."""
    text = "one\u2028two\u2029three\x85four"
    message = {"type": "agent_message", "text": text}
    said = "\r\n".join(
        json.dumps(event, ensure_ascii=False)
        for event in (
            {"type": "item.completed", "item": message | {"text": "an earlier one"}},
            {"type": "item.completed", "item": message},
            {"type": "turn.completed"},
        )
    )
    assert TOOLS["openai-codex"].reply(said).text == text
