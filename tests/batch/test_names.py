"""What the name of a prompt says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.batch.finding import find
from conduit.batch.names import SUFFIX, Form, job_of
from conduit.core.errors import InvalidInputError

from .answering import write

NAME = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/"), min_size=1
).filter(lambda name: not name.startswith("."))


@given(NAME, st.sampled_from(Form))
def test_an_ending_before_the_suffix_is_the_outputs(name: str, form: Form) -> None:
    """Whatever the name, {name}.json.prompt.md gives {name}.json, and md likewise."""
    job = job_of(f"{name}.{form.value}{SUFFIX}")
    assert job is not None
    assert (job.form, job.outputs) == (form, (f"{name}.{form.value}",))


@given(NAME)
def test_without_one_the_answer_decides(name: str) -> None:
    """{name}.prompt.md gives one of the two, with all of the name in it."""
    if name.endswith((".json", ".md")):
        name += "_"
    job = job_of(f"{name}{SUFFIX}")
    assert job is not None
    assert (job.form, job.outputs) == (None, (f"{name}.json", f"{name}.md"))


@given(NAME, st.sampled_from(["", ".json", ".md"]))
def test_a_lock_fits_wherever_the_prompt_does(name: str, ending: str) -> None:
    """No file that is made beside an output has a longer name than the prompt, or is a prompt."""
    prompt = f"{name}{ending}{SUFFIX}"
    job = job_of(prompt)
    assert job is not None
    beside = [job.lock, *(f".{output}.tmp" for output in job.outputs)]
    assert all(len(it) <= len(prompt) and job_of(it) is None for it in beside)


@pytest.mark.parametrize(
    "name", ["a.md", "prompt.md", ".prompt.md", ".md.prompt.md", ".a.prompt.md"]
)
def test_other_files_and_hidden_ones_are_no_prompts(name: str) -> None:
    """A name that only looks like one is left alone."""
    assert job_of(name) is None


def test_only_the_top_level_is_looked_at_unless_told_otherwise(tmp_path: Path) -> None:
    """With recursive, folders below are seen, but for hidden ones and links."""
    write(tmp_path, b="", a__json="")
    write(tmp_path / "sub" / "deep", c__md="")
    write(tmp_path / ".hidden", d="")
    (tmp_path / "sub" / "round").symlink_to(tmp_path)
    (tmp_path / "folder.prompt.md").mkdir()
    assert [job.prompt for job in find(tmp_path, recursive=False)] == [
        "a.json.prompt.md",
        "b.prompt.md",
    ]
    (below,) = find(tmp_path, recursive=True)[2:]
    assert (below.prompt, below.outputs) == ("sub/deep/c.md.prompt.md", ("sub/deep/c.md",))


@pytest.mark.parametrize(
    ("one", "other", "output"),
    [("a", "a__md", "a.md"), ("a", "a__json", "a.json")],
)
def test_two_prompts_for_one_output_are_refused(
    tmp_path: Path, one: str, other: str, output: str
) -> None:
    """The error names both prompts and what they would write."""
    write(tmp_path, **{one: "", other: ""})
    with pytest.raises(InvalidInputError) as refused:
        find(tmp_path, recursive=False)
    said = str(refused.value)
    assert "'a.prompt.md'" in said
    assert f"'{other.replace('__', '.')}.prompt.md'" in said
    assert repr(output) in said


def test_an_answer_never_becomes_a_prompt(tmp_path: Path) -> None:
    """An output whose name is a prompt's is refused."""
    write(tmp_path, a__prompt="")
    with pytest.raises(InvalidInputError, match=r"'a\.prompt\.md', which is a prompt's name"):
        find(tmp_path, recursive=False)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("x")])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, make: object) -> None:
    """Missing, or a file: the error names it."""
    folder = tmp_path / "prompts"
    make(folder)  # type: ignore[operator]
    with pytest.raises(InvalidInputError, match=f"{os.sep}prompts' is not there"):
        find(folder, recursive=False)
