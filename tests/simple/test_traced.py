"""What the plain functions tell of their calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..contract.conduit.test_snippets import python
from ..stores.conftest import new_database
from ..telemetry.receivers import Received, http_receiver, nobody

PROVIDER = "from conduit import get_provider\nprovider = get_provider('openai', offline=True)\n"
FACES = {
    "get_provider": f"{PROVIDER}provider.run('What is 2+2?')",
    "run_single_mode": (
        f"{PROVIDER}from conduit import run_single_mode\nrun_single_mode(provider, 'What is 2+2?')"
    ),
    "run_batch_mode": (
        f"{PROVIDER}from pathlib import Path\nfrom conduit import run_batch_mode\n"
        "Path('in').mkdir()\nPath('in/sum.md.prompt.md').write_text('What is 2+2?')\n"
        "assert run_batch_mode(provider, input_dir='in', output_dir='out') == 0"
    ),
    "llm": "from conduit import llm\nllm('What is 2+2?', offline=True)",
    "session": (
        "from conduit import session\nwith session(offline=True) as s:\n    s.llm('What is 2+2?')"
    ),
    "Provider": "from conduit import Provider\nProvider('openai', offline=True).chat('What is 2+2?')",
}
SUMMARIES = {"run_batch_mode": "1 done, 0 skipped, 0 failed"}
"""What is said on standard error where nothing is wrong."""

AWAY = "nobody receives"
PROGRAMS = FACES | {AWAY: "from conduit import llm\nprint(llm('What is 2+2?', offline=True).text)"}

FORKING = """
import json, os, sys
import alembic.command, genai_prices, opentelemetry.exporter.otlp.proto.http.trace_exporter
import conduit.batch.mode, conduit.engines.configured, conduit.engines.router, conduit.simple.calls

children = {}
for name, (folder, code, variables) in PROGRAMS.items():
    child = os.fork()
    if not child:
        os.chdir(folder)
        os.environ.update(variables)
        for stream, file in ((1, "said"), (2, "complaints")):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), stream)
        exec(code, {})
        sys.exit()
    children[child] = name
codes = {}
while children:
    child, status = os.wait()
    codes[children.pop(child)] = os.waitstatus_to_exitcode(status)
print(json.dumps(codes))
"""
"""Runs programs side by side, each in a process that ends as any other does.

Importing Conduit takes most of a program's time, so that is done once, before they part; no thread runs then.
"""


@dataclass(frozen=True)
class Ended:
    """How a program ended, what it said, and what was received of it."""

    code: int
    said: str
    complaints: str
    received: Received


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ended]]:
    """Every program, once it has ended."""
    root = tmp_path_factory.mktemp("programs")
    with ExitStack() as stack:
        receivers = {name: stack.enter_context(http_receiver()) for name in FACES}
        receivers[AWAY] = Received(url=stack.enter_context(nobody()))
        programs = {
            name: (str(_folder(root, name)), code, _variables(root / name, receivers[name].url))
            for name, code in PROGRAMS.items()
        }
        ran = python(FORKING.replace("PROGRAMS", repr(programs)), root, OPENBLAS_NUM_THREADS="1")
        assert (ran.returncode, ran.stderr) == (0, "")
        yield {
            name: Ended(
                code,
                (root / name / "said").read_text(),
                (root / name / "complaints").read_text(),
                receivers[name],
            )
            for name, code in json.loads(ran.stdout).items()
        }


def _folder(root: Path, name: str) -> Path:
    """With an empty database: making seven of them is not what this is about."""
    new_database(root / name / "data" / "offline.db")
    return root / name


def _variables(folder: Path, url: str) -> dict[str, str]:
    return {
        "CONDUIT_DATA_DIR": str(folder / "data"),
        "CONDUIT_CACHE_DIR": str(folder / "cache"),
        "CONDUIT_ENCODER": "hashing",
        "LITELLM_OTEL_ENABLED": "true",
        "TRACELOOP_BASE_URL": url,
    }


@pytest.mark.parametrize("face", FACES)
def test_every_face_traces_its_calls_where_that_is_switched_on(
    ended: dict[str, Ended], face: str
) -> None:
    """A program that just ends has told of its call, once, with the call to the model in it."""
    program = ended[face]
    assert program.code == 0
    assert program.complaints.startswith(SUMMARIES.get(face, ""))
    assert face in SUMMARIES or not program.complaints
    whole, attempts = [], []
    for span in program.received.spans:
        (attempts if span.parent_span_id else whole).append(span)
    assert (len(whole), len(attempts)) == (1, 1)


def test_a_receiver_that_is_away_costs_traces_and_nothing_else(ended: dict[str, Ended]) -> None:
    """The answer is there, and the program ends by itself."""
    assert ended[AWAY].code == 0
    assert "answers offline" in ended[AWAY].said
