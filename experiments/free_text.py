"""Freely licensed text to fit features on: outside every evaluation set, by construction.

Five kinds, each from a source whose licence allows it, none of which holds a benchmark question:

- *lexicon*: WordNet 3.0 glosses and example sentences (WordNet licence), as statements, questions
  and multiple-choice questions over their fields of knowledge;
- *python*: docstrings and source code of the standard library (PSF licence), as programming
  requests, explanations and code;
- *science*: docstrings of numpy, scipy and scikit-learn (BSD-3-Clause): mathematics, statistics;
- *made* and *foreign*: arithmetic, algebra and logic problems, and prompts in other languages, from
  the templates in ``made_problems`` and ``foreign_prompts``.

WordNet is the Debian package ``wordnet-base`` (``apt-get install wordnet-base``, or
``apt-get download`` and ``dpkg -x``); the others come with the interpreter and with pip.
"""

from __future__ import annotations

import ast
import re
import sysconfig
from collections import defaultdict
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST = 700
"""Characters kept of a text: enough for its subject, short enough to encode quickly."""

_OPTION_STYLES = ("\n{}. {}", "\n({}) {}", "\n{}) {}", " ({}) {},")
_OPTION_HEADS = ("", "\nOptions:", "\nChoices:", "\nAnswer choices:")
_ENDINGS = ("", "", "\nAnswer:", "\nGive the letter of the best answer.", "\nExplain your choice.")


@dataclass(frozen=True, slots=True)
class Sense:
    """One synset of WordNet: its first word, definition, example sentences and field."""

    word: str
    definition: str
    examples: tuple[str, ...]
    field: str


def read_wordnet(folder: Path) -> list[Sense]:
    """All synsets of the four data files, the field named by topic where there is one.

    Raises:
        FileNotFoundError: when the folder holds no WordNet data files.
    """
    lines = [
        line
        for part in ("noun", "verb", "adj", "adv")
        for line in (folder / f"data.{part}").read_text("latin-1").split("\n")
        if line and not line.startswith(" ")
    ]
    words = {_key(line): line.split(" ", 5)[4].replace("_", " ") for line in lines}
    return [_sense(line, words) for line in lines]


def _key(line: str) -> tuple[str, str]:
    offset, _, kind = line.split(" ", 3)[:3]
    return offset, "a" if kind == "s" else kind


def _sense(line: str, words: dict[tuple[str, str], str]) -> Sense:
    head, _, gloss = line.partition(" | ")
    topic = re.search(r" ;c (\d{8}) ([nvar]) ", head)
    file_number = head.split(" ", 2)[1]
    definition, *examples = re.split(r'; (?=")', gloss.strip())
    return Sense(
        word=re.sub(r"\([a-z]+\)$", "", words[_key(line)]),
        definition=definition,
        examples=tuple(re.findall(r'"([^"]{20,})"', ";".join(examples))),
        field=words[topic[1], topic[2]] if topic else f"file {file_number}",
    )


def lexicon_texts(senses: Sequence[Sense], rng: Random, *, count: int) -> list[str]:
    """Statements, questions, completions and multiple-choice questions over WordNet's fields.

    Every field weighs with the square root of its size, so that plants and animals, half of the
    lexicon, do not drown law and chemistry.
    """
    fields: defaultdict[str, list[Sense]] = defaultdict(list)
    for sense in senses:
        fields[sense.field].append(sense)
    usable = {name: group for name, group in fields.items() if len(group) >= 12}
    names = sorted(usable)
    weights = [len(usable[name]) ** 0.5 for name in names]
    makers = (_statement, _question, _completion, _term_choice, _term_choice, _meaning_choice)
    return [
        _sentence(rng.choice(makers)(rng.sample(usable[name], 10), rng))[:LONGEST]
        for name in rng.choices(names, weights, k=count)
    ]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _about(sense: Sense) -> str:
    return "" if sense.field.startswith("file") else f"In {sense.field}, "


def _statement(group: list[Sense], rng: Random) -> str:
    sense = group[0]
    examples = " ".join(sense.examples[: rng.randint(0, 2)])
    return f"{_about(sense)}{sense.word}: {sense.definition}. {examples}".strip()


def _question(group: list[Sense], rng: Random) -> str:
    first, second = group[:2]
    return rng.choice(
        (
            f"What is {first.word}?",
            f"{_about(first)}what does {first.word} mean, and why does it matter?",
            f"What is the difference between {first.word} and {second.word}?",
            f"Explain {first.word} to a beginner.",
            f"What happens if you confuse {first.word} with {second.word}?",
            f"Is it true that {first.word} is {second.definition}?",
            f"How would you describe something that is {first.definition}?",
            f"Write a short paragraph about {first.word}, {first.definition}.",
        )
    )


def _completion(group: list[Sense], rng: Random) -> str:
    sentences = [sentence for sense in group for sentence in sense.examples]
    if not sentences:
        return _statement(group, rng)
    sentence = rng.choice(sentences)
    words = sentence.split()
    if rng.random() < 0.5:
        words[rng.randrange(len(words))] = "_"
        return f"Fill in the blank: {' '.join(words)}" + _options([s.word for s in group[:2]], rng)
    start = " ".join(words[: max(2, len(words) // 2)])
    others = [*sentences[:3], *(sense.definition for sense in group[:3])][:4]
    return f"Choose the best ending.\n{start} ..." + _options(others, rng)


def _term_choice(group: list[Sense], rng: Random) -> str:
    right = rng.choice(group)
    stem = rng.choice(
        (
            f"Which of the following is {right.definition}?",
            f"{_about(right)}which term is used for: {right.definition}?",
            f"Something is {right.definition}. It is best described as",
        )
    )
    return stem + _options([s.word for s in group[: rng.choice((3, 4, 4, 5, 10))]], rng)


def _meaning_choice(group: list[Sense], rng: Random) -> str:
    right = rng.choice(group)
    stem = rng.choice(
        (
            f"Which statement about {right.word} is correct?",
            f"{_about(right)}{right.word} refers to",
            f"Which of these best defines {right.word}?",
        )
    )
    return stem + _options([s.definition for s in group[: rng.choice((3, 4, 4, 5))]], rng)


def _options(options: Sequence[str], rng: Random) -> str:
    style = rng.choice(_OPTION_STYLES)
    letters = "".join(
        style.format(letter, option) for letter, option in zip("ABCDEFGHIJ", options, strict=False)
    )
    return rng.choice(_OPTION_HEADS) + letters + rng.choice(_ENDINGS)


def python_texts(rng: Random, *, count: int) -> list[str]:
    """Programming requests, explanations and code from the standard library's own source."""
    files = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))
    skipped = {"site-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo", "idle_test"}
    units = [
        unit
        for file in files
        if not skipped.intersection(file.parts)
        for unit in documented_units(file)
    ]
    return [_programming(*unit, rng)[:LONGEST] for unit in rng.sample(units, count)]


def documented_units(file: Path) -> Iterator[tuple[str, str, str]]:
    """Name, docstring and source of every documented function and class of a Python file."""
    source = file.read_text("utf-8", errors="replace")
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a few installed files are templates, not modules
        return
    lines = source.split("\n")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            doc = ast.get_docstring(node)
            if doc and len(doc) > 30:
                yield node.name, doc, "\n".join(lines[node.lineno - 1 : node.end_lineno])


def _programming(name: str, doc: str, code: str, rng: Random) -> str:
    summary = " ".join(doc.split("\n\n", maxsplit=1)[0].split())
    request = summary[0].lower() + summary[1:].rstrip(".")
    body = code.replace(doc, "")
    return rng.choice(
        (
            f"Write a python function to {request}.",
            f"Write a function {name} that does the following: {summary}",
            f"How do I use {name} in Python? {summary}",
            f"What does this code do?\n```python\n{body[:400]}\n```",
            f"Find the bug in this function:\n{body[:500]}",
            doc,
            body[:500],
        )
    )


def science_texts(rng: Random, *, count: int) -> list[str]:
    """Paragraphs of the docstrings of numpy, scipy and scikit-learn, prose and formulas."""
    paragraphs: set[str] = set()
    for package in ("numpy", "scipy", "scikit-learn"):
        for entry in distribution(package).files or ():
            if entry.suffix == ".py" and "tests" not in entry.parts:
                for _, doc, _ in documented_units(Path(str(entry.locate()))):
                    paragraphs.update(_prose(doc))
    chosen = rng.sample(sorted(paragraphs), count)
    leads = ("", "", "Explain: ", "Is the following correct? ", "Solve or discuss. ")
    return [(rng.choice(leads) + paragraph)[:LONGEST] for paragraph in chosen]


def _prose(doc: str) -> Iterator[str]:
    for paragraph in doc.split("\n\n"):
        text = paragraph.strip()
        if len(text) > 80 and not any(mark in text for mark in (">>>", "---", "===", ".. ")):
            yield text
