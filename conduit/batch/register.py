"""Hashes of outputs that cannot carry their own: JSON's lists and scalars."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path

NAME = ".conduit-batch.jsonl"
"""The register in a folder of outputs: one JSON object per line, the last one of an output counts."""


class Register:
    """The register of a folder of outputs.

    Lines are only ever added, each by one write, so that several processes may write at once and one
    that is killed spoils at most its own last line. Each names the output's own SHA-256: a file that
    somebody has changed since is not what was answered. Safe for any number of threads.

    Args:
        folder: of outputs.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._known: dict[str, tuple[str, str]] = {}
        self._read = 0
        self._lock = threading.Lock()

    def hash_of(self, output: str, content: bytes) -> str | None:
        """The hash of the prompt that an output answers; None where it is not known.

        Args:
            output: path below the folder, with ``/``.
            content: of the output, as it is now.
        """
        with self._lock:
            self._read_on()
            prompt, written = self._known.get(output, (None, None))
        return prompt if written == _digest(content) else None

    def add(self, output: str, content: bytes, *, prompt_hash: str) -> None:
        """Put on record what an output answers."""
        said = {"output": output, "prompt_hash": prompt_hash, "sha256": _digest(content)}
        # The line break before it ends a line that was cut.
        line = f"\n{json.dumps(said)}\n".encode()
        with self._path.open("ab", buffering=0) as file:
            file.write(line)
            os.fsync(file.fileno())

    def _read_on(self) -> None:
        """What was added since, by whomever; a last line that is not whole is read later."""
        try:
            with self._path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._read:  # begun anew
                    self._known.clear()
                    self._read = 0
                file.seek(self._read)
                added = file.read()
        except FileNotFoundError:
            self._known.clear()
            self._read = 0
            return
        whole = added[: added.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            said = json.loads(line)
            self._known[said["output"]] = (said["prompt_hash"], said["sha256"])
        except (ValueError, KeyError, TypeError):
            return  # an empty line, or one that was cut


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
