"""A folder of answers: which of them are up to date, and new ones, each of them whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from tempfile import TemporaryFile

from conduit.batch.answers import Answer, hash_in_json, hash_in_markdown
from conduit.batch.locks import locked
from conduit.batch.names import Form, Job
from conduit.batch.register import Register
from conduit.core.errors import InvalidInputError


class Outputs:
    """The answers in a folder, which is made where it is missing.

    Args:
        folder: of outputs.

    Raises:
        InvalidInputError: for a folder that nothing can be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._register = Register(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise InvalidInputError(
                f"nothing can be written to the folder {str(folder)!r}: {error.strerror}",
                remedy="allow it, or name another folder of outputs",
            ) from error

    def locked(self, job: Job) -> AbstractAsyncContextManager[None]:
        """Nobody else answers this prompt meanwhile, in whichever process."""
        return locked(self._folder / job.lock)

    def done(self, job: Job, prompt_hash: str) -> str | None:
        """The output that answers this very prompt; None where there is none yet.

        Raises:
            OSError: for an output that cannot be read, such as a folder of that name.
        """
        return next((it for it in job.outputs if self._answered(it) == prompt_hash), None)

    def write(
        self, job: Job, answer: Answer, *, prompt_hash: str, about: Mapping[str, object]
    ) -> None:
        """Put an answer in its place, whole or not at all.

        What an earlier answer of the other form left is removed.

        Raises:
            OSError: when it cannot be written; what was there stays.
        """
        output = job.output(answer.form)
        content = answer.content(prompt_hash, about)
        _replace(self._folder / output, content)
        if not answer.carries_hash:
            self._register.add(output, content, prompt_hash=prompt_hash)
        for other in job.outputs:
            if other != output and self._answered(other) is not None:
                (self._folder / other).unlink()

    def _answered(self, output: str) -> str | None:
        """The hash of the prompt that an output answers; None for no output, or one not of ours."""
        try:
            content = (self._folder / output).read_bytes()
        except FileNotFoundError:
            return None
        if output.endswith(f".{Form.MARKDOWN.value}"):
            return hash_in_markdown(content)
        return hash_in_json(content) or self._register.hash_of(output, content)


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that it is seen as it was or as it will be, and never in between.

    Its lock is had, so the name beside it is free; what a killed process left there is written over.
    """
    beside = path.with_name(f".{path.name}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
