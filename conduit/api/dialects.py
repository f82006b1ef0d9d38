"""Which addresses speak like other programs, and how those word an error: ``{"detail": …}``."""

from __future__ import annotations

COMPATIBLE = frozenset(
    {
        *("/llm", "/llm/dry-run", "/classify", "/budgets", "/budgets/check"),
        *("/records", "/reports", "/generate", "/route"),
    }
)
"""Conductor's addresses, and cost-aware's."""


def says_detail(path: str) -> bool:
    """Whether errors at an address are worded as ``detail``, in the place of OpenAI's ``error``."""
    return path.rstrip("/") in COMPATIBLE
