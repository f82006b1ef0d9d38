"""How the demo speaks: figures in words, names cut short, and the colours of its picture."""

from __future__ import annotations

import math

from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines.goals import Goal
from conduit.evaluation.frontier import frontier

OWN, BEST, CHEAPEST, INK, FAINT = "#0072B2", "#D55E00", "#009E73", "#333333", "#767676"
"""From Okabe and Ito's colours, which people with colour blindness tell apart, and two greys."""

_LINE, _NAME = 80, 22


def usd(amount: float) -> str:
    """Dollars with three significant digits below one, cents above, none from a hundred on.

    Example:
        >>> usd(0.0000293), usd(0.897), usd(26.8404), usd(12345.6), usd(-1.5), usd(0)
        ('$0.0000293', '$0.897', '$26.84', '$12,346', '-$1.50', '$0.00')
    """
    size = abs(amount)
    sign = "-" if amount < 0 else ""
    return f"{sign}${size:,.{_decimals(size)}f}"


def goal_words(goal: Goal) -> str:
    """What spending followed, with a comma before it; empty where nothing was to be kept."""
    if goal.quality_target is not None:
        return f", {percent(goal.quality_target)} of the best model's quality"
    rates = {"budget": "request", "budget_per_day": "day", "budget_per_month": "month"}
    return "".join(f", budget {usd(sum_)} a {rates[name]}" for name, sum_ in goal.given.items())


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


def short_name(model: str) -> str:
    """A model's name without its provider, at most 22 characters.

    Example:
        >>> short_name("google/gemini-2.5-pro"), short_name("a/Mixtral-8x7B-Instruct-v0.1")
        ('gemini-2.5-pro', 'Mixtral-8x7B-Instruct…')
    """
    name = model.rpartition("/")[2] or model
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def references(outcomes: RecordedOutcomes) -> dict[int, str]:
    """The best and the cheapest model, by column, with their colours; one alone is the best."""
    hull = frontier(outcomes.cost.mean(axis=0), outcomes.quality.mean(axis=0))
    return {int(hull[0]): CHEAPEST} | {int(hull[-1]): BEST}


def _decimals(size: float) -> int:
    if size == 0 or 1 <= size < 100:
        return 2
    return 0 if size >= 100 else 2 - math.floor(math.log10(size))
