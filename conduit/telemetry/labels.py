"""Labels of bounded number: a series costs memory for as long as the process lives."""

from __future__ import annotations

MOST = 100
OTHER = "other"


class Few:
    """The first so many values keep their name; those that come later share one.

    Args:
        most: values that keep it.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        """The label of a value."""
        if value not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(value)
        return value


class Labels:
    """Labels of models, providers and policies.

    Args:
        most: of each.
    """

    def __init__(self, most: int = MOST) -> None:
        self.model = Few(most)
        self.provider = Few(most)
        self.policy = Few(most)
