"""Programs that behave as ``codex exec --json`` and ``claude -p --output-format=json`` do, offline.

What they do is decided by the prompt. Where ``FAKE_TOOL_LOG`` names a file they write down how they
were called, and where ``FAKE_TOOL_PORT`` names a port the prompt ``group`` stays connected to it,
with a child, until both are ended.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

NAMES = {"openai-codex": "codex", "claude-code": "claude"}

_SCRIPT = r"""
import json, os, sys, time

tool, arguments, prompt = os.path.basename(sys.argv[0]), sys.argv[1:], sys.stdin.read()
model = next((it.split("=", 1)[1] for it in arguments if it.startswith("--model=")), "default")
if "FAKE_TOOL_LOG" in os.environ:
    with open(os.environ["FAKE_TOOL_LOG"], "a") as log:
        call = {"arguments": arguments, "prompt": prompt, "files": os.listdir()}
        log.write(json.dumps(call) + "\n")


def answer(text, stop="end_turn"):
    if tool == "codex":
        print("a line that is no event")
        for event in (
            {"type": "thread.started", "thread_id": "t"},
            {"type": "item.completed", "item": {"type": "reasoning", "text": "Hm."}},
            {"type": "item.completed", "item": {"type": "agent_message", "text": text}},
            {"type": "turn.completed", "usage": {
                "input_tokens": 100, "cached_input_tokens": 60, "output_tokens": 7}},
        ):
            print(json.dumps(event))
        return
    print(json.dumps({
        "type": "result", "subtype": "success", "is_error": False, "result": text,
        "stop_reason": stop, "total_cost_usd": 0.0125, "usage": {
            "input_tokens": 30, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 60,
            "output_tokens": 7}}))


def fail(words):
    if tool == "codex":
        print(json.dumps({"type": "turn.failed", "error": {"message": words}}))
    else:
        print(json.dumps({"type": "result", "is_error": True, "result": words}))
    sys.exit(1)


last = prompt.rsplit("User: ", 1)[-1]
if model == "slow":
    time.sleep(60)
elif last == "broken":
    sys.exit("Reading the prompt ...\nError: the model is not supported\n")
elif last == "secret":
    sys.exit("401 Unauthorized: given-to-conduit, sk-its-own-key-0123\n")
elif last == "limited":
    fail("You have hit your usage limit.")
elif last == "signal":
    os.kill(os.getpid(), 15)
elif last == "garbage":
    print("Welcome!")
elif last == "flood":
    while True:
        print("x" * 1_000_000)
elif last == "group":
    import socket, subprocess

    line = socket.create_connection(("127.0.0.1", int(os.environ["FAKE_TOOL_PORT"])))
    os.set_inheritable(line.fileno(), True)
    waiting = "import time; time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", waiting], close_fds=False)
    line.sendall(b"up")
    child.wait()
elif last == "empty":
    answer("")
elif last == "cut":
    answer("The first half", "max_tokens")
elif "Continue the last answer" in last:
    answer(", and the other.")
else:
    answer("echo of " + last)
"""


def install(folder: Path) -> Path:
    """Write both programs into a folder, which is to be put on PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES.values():
        program = folder / name
        program.write_text(f"#!{sys.executable} -IS\n{_SCRIPT}")
        program.chmod(0o755)
    return folder


def calls(log: Path) -> list[dict[str, Any]]:
    """How the programs were called, in order."""
    return [json.loads(line) for line in log.read_text().splitlines()]
