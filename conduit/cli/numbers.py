"""Numbers on the command line: a mistake names what was written."""

from __future__ import annotations

import typer


def number(text: str) -> float:
    """Read a number.

    Raises:
        typer.BadParameter: for other text.
    """
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no number; write it as in 0.5") from None


def whole_number(text: str) -> int:
    """Read a whole number.

    Raises:
        typer.BadParameter: for other text.
    """
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no whole number; write it as in 80") from None
