"""What the name of a prompt says: which file its answer goes to, and in which form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from posixpath import basename, dirname, join

SUFFIX = ".prompt.md"
"""Of every prompt."""


class Form(StrEnum):
    """Form of an answer; the value is the ending of its file."""

    JSON = "json"
    MARKDOWN = "md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One prompt, and where its answer goes.

    Args:
        prompt: path below the folder of prompts, with ``/``.
        stem: path below the folder of outputs, without an ending.
        form: None where the answer decides.
    """

    prompt: str
    stem: str
    form: Form | None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Every file that the answer may go to."""
        return tuple(self.output(it) for it in (Form if self.form is None else (self.form,)))

    def output(self, form: Form) -> str:
        """The file of an answer in a form."""
        return f"{self.stem}.{form.value}"

    @property
    def lock(self) -> str:
        """The file that is there while the prompt is under way; no longer than the prompt's name."""
        kind = "any" if self.form is None else self.form.value
        return join(dirname(self.stem), f".{basename(self.stem)}.{kind}.lock")


def job_of(prompt: str) -> Job | None:
    """What the name of a file says; None where it is no prompt.

    ``{name}.json.prompt.md`` becomes ``{name}.json``, ``{name}.md.prompt.md`` becomes ``{name}.md``,
    and ``{name}.prompt.md`` one of the two. Names that begin with a dot are no prompts.

    Args:
        prompt: path below the folder of prompts, with ``/``.
    """
    if not prompt.endswith(SUFFIX) or basename(prompt).startswith("."):
        return None
    stem = prompt.removesuffix(SUFFIX)
    for form in Form:
        if stem.endswith(f".{form.value}"):
            return Job(prompt=prompt, stem=stem.removesuffix(f".{form.value}"), form=form)
    return Job(prompt=prompt, stem=stem, form=None)
