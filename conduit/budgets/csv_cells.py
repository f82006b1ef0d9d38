"""Lines of CSV that are data to every spreadsheet, whatever names users gave themselves."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would compute."""


def csv_line(cells: Iterable[object]) -> str:
    r"""One line with its line break; text that would be a formula has an apostrophe before it.

    Args:
        cells: numbers stay numbers, and None is empty.

    Example:
        >>> csv_line(["=1+1", "a,b", -2.5, None])
        '\'=1+1,"a,b",-2.5,\r\n'
    """
    text = io.StringIO()
    csv.writer(text).writerow([_harmless(cell) for cell in cells])
    return text.getvalue()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
