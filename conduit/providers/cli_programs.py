"""Programs that are run for their output: no shell, an empty folder, bounded, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

MOST_OUTPUT = 16_000_000
"""Bytes of one stream of output; a program that says more is stopped."""
_PIECE = 65_536
_LEAVES = 5.0
"""Seconds in which a program that was ended has gone; what left its group may hold its pipes on."""


class TooMuchOutputError(Exception):
    """A program said more than :data:`MOST_OUTPUT`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A program that has ended.

    Args:
        code: its exit code; negative for the signal that ended it.
        stdout: what it said.
        stderr: what it said of itself.
    """

    code: int
    stdout: str
    stderr: str


async def run_program(program: Path, arguments: tuple[str, ...], *, stdin: str) -> Ran:
    """Run a program in an empty folder of its own, with this process's environment.

    It leads a process group, all of which is ended when the caller is cancelled or the program says
    too much, before this returns.

    Args:
        program: the file.
        arguments: passed on as they are.
        stdin: given to it as UTF-8.

    Raises:
        TooMuchOutputError: when it says too much.
        OSError: when it cannot be started.
    """
    with TemporaryDirectory(prefix="conduit-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            return await _conversation(process, stdin.encode("utf-8", "replace"))
        except BaseException as error:
            _end(process)
            await _gone(process)
            if isinstance(error, BaseExceptionGroup):  # one stream's failure ends the others
                raise error.exceptions[0] from None
            raise


async def _conversation(process: asyncio.subprocess.Process, said: bytes) -> Ran:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.TaskGroup() as group:
        group.create_task(_tell(process.stdin, said))
        stdout = group.create_task(_heard(process.stdout))
        stderr = group.create_task(_heard(process.stderr))
    code = await process.wait()
    return Ran(code=code, stdout=stdout.result(), stderr=stderr.result())


async def _tell(pipe: asyncio.StreamWriter, said: bytes) -> None:
    with suppress(ConnectionError):  # a program need not read all that it is told
        pipe.write(said)
        await pipe.drain()
    pipe.close()


async def _heard(pipe: asyncio.StreamReader) -> str:
    pieces: list[bytes] = []
    size = 0
    while piece := await pipe.read(_PIECE):
        size += len(piece)
        if size > MOST_OUTPUT:
            raise TooMuchOutputError
        pieces.append(piece)
    return b"".join(pieces).decode("utf-8", "replace")


async def _gone(process: asyncio.subprocess.Process) -> None:
    """Its pipes are read to their ends, for what nobody reads is not seen to end, nor is it then."""
    pipes = (pipe for pipe in (process.stdout, process.stderr) if pipe is not None)
    with suppress(TimeoutError):
        async with asyncio.timeout(_LEAVES):
            await asyncio.gather(process.wait(), *(_emptied(pipe) for pipe in pipes))


async def _emptied(pipe: asyncio.StreamReader) -> None:
    while await pipe.read(_PIECE):
        pass


def _end(process: asyncio.subprocess.Process) -> None:
    """At once, with all that it has started: a tool without a session has nothing to save."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
