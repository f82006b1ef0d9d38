"""Eight language-neutral signals of a prompt: what its form says, whatever its language.

Each is read from characters and layout alone, so the same prompt in another language gives nearly
the same numbers. Time is linear in the text: every pattern is bounded.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGNALS_VERSION = "signals1"
"""Changes whenever a signal or a constant below does: state learned with another is of no use."""

SIGNAL_NAMES = (
    "log_length",
    "newlines",
    "digit_share",
    "choice_markers",
    "code",
    "mathematics",
    "question_marks",
    "non_ascii_share",
)

CENTRES = (4.9, 0.8, 0.06, 0.6, 0.12, 0.07, 0.36, 0.02)
"""Mean of each raw signal over the text that the projection was fitted on."""

SCALES = (1.0, 0.9, 0.11, 0.8, 0.42, 0.3, 0.35, 0.11)
"""Standard deviation of each raw signal over the same text; of the length, which that text cuts
at 700 characters, half as much again (measured .67)."""

BOUND = 3.0
"""Largest magnitude of a signal, in standard deviations, however absurd the prompt."""

_DIGIT = re.compile(r"\d")
_QUESTION = re.compile("[?？؟⁇՞፧]")
# Each pattern starts at a rare character and looks back from there: prose is skipped at C speed.
_CHOICE = re.compile(
    r"[.):\]．、）：](?<=([A-Ja-j1-9]).)(?<![^\s(\[（]..)(?:(?<=[．、）：])|(?![!-~]))"
)
_CODE = re.compile(
    r"[`(;{}=>:&|/_.]"
    r"(?:(?<=`)``|(?<=\()\)|(?<=[;{}])[ \t]{0,9}$|(?<=[!=+*-]=)|(?<==)[=>]|(?<=->)|(?<=:):"
    r"|(?<=&)&|(?<=\|)\||(?<=</)|(?<=/)>|(?<=[a-z0-9]_)[a-z]{2}|(?<=[a-z]\.)[a-z_]{1,40}\()",
    re.MULTILINE,
)
_MATHEMATICS = re.compile(
    r"[-+*/^_<>=\\×÷√±²³⁰-⁹₀-₉∀-⋿]"
    r"(?:(?<=[×÷√±²³⁰-⁹₀-₉∀-⋿])|(?<=\\)(?:[a-zA-Z]{2}|[(\[])|(?<=[_^])\{"
    r"|(?:(?<=[\w)}][+*/^<>=])|(?<=[\w)}] [-+*/^<>=])) ?[\d({\\]|(?<=[\w)] =) \w)"
)
_CODE_LINES = (
    *("def ", "class ", "import ", "return ", "function ", "public ", "private ", "const ", "let "),
    *("var ", "for (", "if (", "while (", "#include", "SELECT ", "<?", "#!/"),
)


def raw_signals(text: str) -> tuple[float, ...]:
    """The eight signals before scaling, in the order of :data:`SIGNAL_NAMES`.

    Counts enter as ``log(1 + n)`` and shares as square roots, so that the first sign of something
    says more than the hundredth.

    Args:
        text: the prompt; an empty one gives zeros.

    Returns:
        Eight numbers of at least 0.
    """
    length = max(len(text), 1)
    ascii_only = text.isascii()
    foreign = 0 if ascii_only else len(text) - len(text.encode("ascii", "ignore"))
    return (
        math.log1p(len(text)),
        math.log1p(text.count("\n")),
        math.sqrt(len(_DIGIT.findall(text)) / length),
        math.log1p(count_choices(text)),
        math.log1p(_count_code(text)),
        math.log1p(len(_MATHEMATICS.findall(text))),
        math.log1p(text.count("?") if ascii_only else len(_QUESTION.findall(text))),
        math.sqrt(foreign / length),
    )


def _count_code(text: str) -> int:
    lines = sum(line.lstrip().startswith(_CODE_LINES) for line in text.split("\n"))
    return lines + len(_CODE.findall(text))


def count_choices(text: str) -> int:
    """Number of options a prompt offers: how far ``A.``, ``(B)``, ``c)`` or ``(1)``, ``2.`` run.

    Returns:
        0, or 2..10; a lone ``A`` offers no choice.
    """
    found = set(_CHOICE.findall(text))
    run = max(_run(found, markers) for markers in ("ABCDEFGHIJ", "abcdefghij", "123456789"))
    return run if run > 1 else 0


def _run(found: set[str], markers: str) -> int:
    return next((i for i, marker in enumerate(markers) if marker not in found), len(markers))


def scale_signals(raw: tuple[float, ...]) -> NDArray[np.float32]:
    """Centre and scale raw signals, and squash them smoothly into ±:data:`BOUND`.

    ``z = (raw - CENTRES) / SCALES; BOUND · tanh(z / BOUND)``: over ordinary prompts each has a
    mean near 0 and a mean square near 1.

    Returns:
        (8,) float32.
    """
    return np.array(
        [
            BOUND * math.tanh((value - centre) / (scale * BOUND))
            for value, centre, scale in zip(raw, CENTRES, SCALES, strict=True)
        ],
        dtype=np.float32,
    )


def signals(text: str) -> NDArray[np.float32]:
    """The eight scaled signals of a prompt.

    Returns:
        (8,) float32, each within ±:data:`BOUND`.
    """
    return scale_signals(raw_signals(text))
