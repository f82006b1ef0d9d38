"""Readable figures about a prompt: estimated tokens, complexity and domain."""

from __future__ import annotations

import math

from conduit.core.chat import utf8_bytes

_BYTES_PER_TOKEN = 4
_LONG_PROMPT_TOKENS = 4096


def estimate_tokens(text: str) -> int:
    """Estimated tokens of a text: one per four bytes of UTF-8, at least 1.

    Bytes rather than characters, because scripts outside ASCII take more bytes and more tokens.
    """
    return max(1, tokens_of_bytes(utf8_bytes(text)))


def tokens_of_bytes(size: int) -> int:
    """Estimated tokens of so many bytes of text, in whole and rounded up."""
    return math.ceil(size / _BYTES_PER_TOKEN)


def complexity(tokens: int, raw: tuple[float, ...]) -> float:
    """How much a prompt asks for, judged by its form: 0 (a word) to 1 (long and structured).

    ``.6 · log(1 + tokens) / log(4097) + .4 · (1 - exp(-s/4))``, the first term capped, with ``s``
    the sum of the raw signals for newlines, choices, code and mathematics.

    Args:
        tokens: estimated tokens.
        raw: (8,) of :func:`~conduit.features.signals.raw_signals`.
    """
    length = min(1.0, math.log1p(tokens) / math.log1p(_LONG_PROMPT_TOKENS))
    _, newlines, _, choices, code, mathematics, _, _ = raw
    structure = 1 - math.exp(-(newlines + choices + code + mathematics) / 4)
    return 0.6 * length + 0.4 * structure


def classify_domain(raw: tuple[float, ...]) -> tuple[str, float]:
    """The kind of prompt by its form, and how clear it is.

    Evidence is counted per domain (marks of code; marks of mathematics and a high share of
    digits; options offered) against a constant 1 for ``general``; the confidence is the winner's
    part of all evidence. A description: no decision is taken on it.

    Args:
        raw: (8,) of :func:`~conduit.features.signals.raw_signals`.

    Returns:
        ``code``, ``mathematics``, ``multiple_choice`` or ``general``, and 0..1.
    """
    _, _, digit_root, choices, code, mathematics, _, _ = raw
    evidence = {
        "general": 1.0,
        "code": math.expm1(code) / 2,
        "mathematics": math.expm1(mathematics) / 2 + min(1.0, 10 * digit_root**2),
        "multiple_choice": 2 * math.expm1(choices),
    }
    domain = max(evidence, key=evidence.__getitem__)
    return domain, evidence[domain] / sum(evidence.values())
