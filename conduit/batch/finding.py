"""The prompts of a folder, checked before anybody is called."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from conduit.batch.names import SUFFIX, Job, job_of
from conduit.core.errors import InvalidInputError


def find(folder: Path, *, recursive: bool) -> tuple[Job, ...]:
    """Every prompt of a folder, by name.

    Hidden files and folders are left out, and so are folders that are links, which may lead round in
    a circle.

    Args:
        folder: of prompts.
        recursive: look into the folders below as well.

    Raises:
        InvalidInputError: for a folder that cannot be read, and for two prompts whose answers would
            go to one file, or an answer that would be taken for a prompt.
    """
    if not _is_there(folder):
        raise InvalidInputError(
            f"the folder of prompts {str(folder)!r} is not there",
            remedy="name a folder that holds files such as note.md.prompt.md",
        )
    jobs = tuple(job for name in _names(folder, recursive) if (job := job_of(name)) is not None)
    _check(jobs)
    return jobs


def _is_there(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError as error:  # a name that is too long, or a folder above that is closed
        _unreadable(error)


def _names(folder: Path, recursive: bool) -> Iterator[str]:
    for here, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(it for it in folders if not it.startswith(".")) if recursive else []
        below = Path(here).relative_to(folder)
        yield from ((below / name).as_posix() for name in sorted(files))


def _unreadable(error: OSError) -> NoReturn:
    raise InvalidInputError(
        f"the folder {str(error.filename)!r} cannot be read: {error.strerror}",
        remedy="allow it, or name another folder",
    ) from error


def _check(jobs: Iterable[Job]) -> None:
    taken: dict[str, str] = {}
    for job in jobs:
        for output in job.outputs:
            if output.endswith(SUFFIX):
                raise InvalidInputError(
                    f"the answer to {job.prompt!r} would go to {output!r}, which is a prompt's name",
                    remedy="rename the prompt",
                )
            if output in taken:
                raise InvalidInputError(
                    f"{taken[output]!r} and {job.prompt!r} would both write {output!r}",
                    remedy="rename one of them",
                )
            taken[output] = job.prompt
