"""How the demo writes figures: money, quality and shares, short and never rounded to nothing."""

from __future__ import annotations

import math

_LINE = 80


def usd(amount: float) -> str:
    """Dollars with three significant digits below one, cents above, none from a hundred on.

    Example:
        >>> usd(0.0000293), usd(0.897), usd(26.8404), usd(12345.6), usd(-1.5), usd(0)
        ('$0.0000293', '$0.897', '$26.84', '$12,346', '-$1.50', '$0.00')
    """
    size = abs(amount)
    sign = "-" if amount < 0 else ""
    return f"{sign}${size:,.{_decimals(size)}f}"


def quality(value: float) -> str:
    """Quality in 0..1 with four decimals and no leading zero.

    Example:
        >>> quality(0.93492), quality(1.0), quality(-0.0016)
        ('.9349', '1.0000', '-.0016')
    """
    return f"{value:.4f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.4f}"


def percent(share: float) -> str:
    """A share in 0..1 as percent.

    Example:
        >>> percent(0.0134), percent(1.0)
        ('1.3%', '100.0%')
    """
    return f"{100 * share:.1f}%"


def shortened(text: str, *, before: str = "") -> str:
    """``before`` and the text on one line of 80 columns.

    Example:
        >>> len(shortened("a word " * 40, before="Prompt: "))
        80
    """
    line = before + " ".join(text.split())
    return line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"


def _decimals(size: float) -> int:
    if size == 0 or 1 <= size < 100:
        return 2
    return 0 if size >= 100 else 2 - math.floor(math.log10(size))
