"""Text as the encoders' libraries accept it."""

from __future__ import annotations


def well_formed(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot express, replaced by question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
