"""Secrets that are known: wherever one of them turns up in a text, it is hidden."""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "********"
SHORTEST = 6
"""Shorter values are left alone: hiding them would spoil ordinary words."""


class Mask:
    """Hides known secrets.

    Args:
        secrets: values of keys, tokens and passwords.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({it for it in secrets if len(it) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        """The text without them."""
        return text if self._known is None else self._known.sub(HIDDEN, text)

    def __repr__(self) -> str:
        return "Mask()"
