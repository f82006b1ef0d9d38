"""Where people run a snippet: in a script, in Jupyter, and from many threads at once."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .machine import Machine

THREADS = 32
JUPYTER = """
import json, sys
from jupyter_client import KernelManager

manager = KernelManager(transport="ipc")
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=60)
said = []
for code in json.load(sys.stdin):
    heard = []
    reply = client.execute_interactive(
        code, timeout=60, output_hook=lambda it: heard.append(it["content"].get("text", ""))
    )["content"]
    said.append([reply["status"], "".join(heard) + "\\n".join(reply.get("traceback", []))])
client.stop_channels()
manager.shutdown_kernel()
print(json.dumps(said))
"""
AT_ONCE = f"""
import io, json, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout

def run(code):
    exec(code, {{"__name__": "__main__"}})

def together(code):
    gathered = threading.Barrier({THREADS})
    def one(_):
        gathered.wait()
        run(code)
    with ThreadPoolExecutor({THREADS}) as threads:
        list(threads.map(one, range({THREADS})))

said = {{}}
for name, (code, often) in json.load(sys.stdin).items():
    marks = [time.time()]
    with redirect_stdout(io.StringIO()) as out:
        run(code)
    marks.append(time.time())
    if often:
        with redirect_stdout(io.StringIO()):
            together(code)
    marks.append(time.time())
    said[name] = [out.getvalue(), marks]
print(json.dumps(said))
"""
"""Runs each snippet once, and then in 32 threads at once; says what it printed, and when it ran."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A snippet that was run once, and then in 32 threads at once.

    Args:
        lines: it printed alone.
        alone: calls it booked then, by model and cost.
        together: calls that the threads booked, likewise.
    """

    lines: list[str]
    alone: Counter[str]
    together: Counter[str]


def offline(folder: Path, **environ: str) -> Machine:
    """A machine where scripted models answer."""
    return Machine(folder, CONDUIT_OFFLINE="1", **environ)


def script(machine: Machine, code: str) -> list[str]:
    """Run a program, as a file is run, with every warning an error; the lines it printed."""
    return _python(machine, code, "").splitlines()


def in_jupyter(machine: Machine, snippets: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Run snippets as cells of one notebook; by name, how each ended and what it said."""
    said = _python(machine, JUPYTER, json.dumps(list(snippets.values())))
    return dict(zip(snippets, map(tuple, json.loads(said)), strict=True))


def at_once(
    machine: Machine, snippets: Mapping[str, str], *, but: Collection[str] = ()
) -> dict[str, Ran]:
    """Run each snippet once, and then in 32 threads; the books are read when the program has ended.

    Args:
        machine: on which.
        snippets: programs by name.
        but: those that are run once only.
    """
    given = {name: (code, name not in but) for name, code in snippets.items()}
    said = json.loads(_python(machine, AT_ONCE, json.dumps(given)))
    return {
        name: Ran(
            lines=out.splitlines(),
            alone=_booked(machine.folder, since=marks[0], until=marks[1]),
            together=_booked(machine.folder, since=marks[1], until=marks[2]),
        )
        for name, (out, marks) in said.items()
    }


def _booked(folder: Path, *, since: float, until: float) -> Counter[str]:
    """How many calls of that time cost so many nanodollars, in all databases of a folder."""
    found: Counter[str] = Counter()
    for path in folder.rglob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute(
                "select model, cost from costs where at between ? and ?", (since, until)
            )
            found.update(f"{model} {cost}" for model, cost in rows)
    return found


def times(counted: Counter[str], factor: int) -> Counter[str]:
    """So many of each."""
    return Counter({name: factor * count for name, count in counted.items()})


def _python(machine: Machine, code: str, given: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=False,
        cwd=machine.folder,
        env=machine.environ,
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout
