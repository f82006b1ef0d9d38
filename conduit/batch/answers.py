"""What a model wrote, as the content of a file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from conduit.batch.names import Form
from conduit.core.errors import UnusableAnswerError

HASH = "_prompt_hash"
ABOUT = "_llm_metadata"
_BREAKS = "\r\n"
_FENCED = re.compile(r"^(`{3,}|~{3,})[^\n`]*\n(.*?)^\1[ \t\r]*$", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"<!-- Prompt Hash: (\S+) -->")


@dataclass(frozen=True, slots=True)
class Answer:
    """A text in a form.

    Args:
        form: of the file.
        value: the JSON value, or the text.
    """

    form: Form
    value: Any

    @property
    def carries_hash(self) -> bool:
        """Whether the file can say what it answers; JSON's lists and scalars have no place for it."""
        return self.form is Form.MARKDOWN or isinstance(self.value, dict)

    def content(self, prompt_hash: str, about: Mapping[str, object]) -> bytes:
        """The file.

        Args:
            prompt_hash: of the prompt that was answered.
            about: who answered and at what cost; JSON objects have it.

        Raises:
            UnusableAnswerError: for JSON that is too deeply nested.
        """
        if self.form is Form.MARKDOWN:
            text = f"<!-- Prompt Hash: {prompt_hash} -->\n\n{self.value.strip(_BREAKS)}\n"
            return text.encode("utf-8", "replace")
        value = self.value
        if isinstance(value, dict):
            value = {**value, HASH: prompt_hash, ABOUT: dict(about)}
        try:
            return _written(value)
        except RecursionError:  # indenting goes less deep than reading
            raise UnusableAnswerError("the answer is too deeply nested") from None


def answer_of(text: str, form: Form | None) -> Answer:
    """Read what a model wrote.

    JSON is the whole text, or one fenced block in it. Where the form is left open, it is JSON if
    that is an object or a list and nothing stands around it, and Markdown otherwise.

    Raises:
        UnusableAnswerError: for an empty answer, and where JSON is asked for and is not there.
    """
    if not text.strip():
        raise UnusableAnswerError("the answer is empty")
    if form is Form.MARKDOWN:
        return Answer(form, text)
    if form is Form.JSON:
        return Answer(form, _json_in(text))
    bare = text.strip()
    block = _FENCED.fullmatch(bare)
    try:
        value = _parsed(block[2] if block else bare)
    except ValueError:
        return Answer(Form.MARKDOWN, text)
    return (
        Answer(Form.JSON, value) if isinstance(value, dict | list) else Answer(Form.MARKDOWN, text)
    )


def hash_in_markdown(content: bytes) -> str | None:
    """The hash on a file's first line; None where there is none."""
    found = _LINE.match(content.partition(b"\n")[0].decode("utf-8", "replace").strip())
    return found[1] if found else None


def hash_in_json(content: bytes) -> str | None:
    """The hash inside a JSON object; None where there is none."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    found = value.get(HASH) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def _json_in(text: str) -> Any:
    try:
        return _parsed(text)
    except ValueError as error:
        blocks = [value for block in _FENCED.finditer(text) for value in _maybe(block[2])]
        if len(blocks) == 1:
            return blocks[0]
        problem = "has several blocks of JSON" if blocks else f"is no JSON: {error}"
        raise UnusableAnswerError(f"the answer {problem}") from None


def _maybe(text: str) -> tuple[Any, ...]:
    try:
        return (_parsed(text),)
    except ValueError:
        return ()


def _parsed(text: str) -> Any:
    """A JSON value.

    Raises:
        ValueError: for anything that is not strictly JSON, or cannot be written again.
    """
    try:
        value = json.loads(text.strip().removeprefix("\ufeff"), parse_constant=_refused)
        json.dumps(value, allow_nan=False)  # 1e999 is read as infinite
    except RecursionError:
        raise ValueError("too deeply nested") from None
    return value


def _written(value: Any) -> bytes:
    try:
        return f"{json.dumps(value, indent=2, ensure_ascii=False)}\n".encode()
    except UnicodeEncodeError:  # half a character, which only an escape can write
        return f"{json.dumps(value, indent=2)}\n".encode()


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")
