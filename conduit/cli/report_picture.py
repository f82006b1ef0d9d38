"""The report's picture: spending per day, stacked by group, and what was saved."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from conduit.budgets.cost_reports import CostReports
from conduit.budgets.money_report import MoneyReport, daily_costs
from conduit.cli.demo_words import INK
from conduit.cli.picture_style import STYLE
from conduit.cli.report_words import shown, word
from conduit.core.costs import CostTotal, GroupBy
from conduit.core.errors import ConfigurationError, InvalidInputError, StoreError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's, which people with colour blindness tell apart."""
_OTHERS = "#BBBBBB"
_SAVED = "saved against the baseline"
_FORMATS = (".png", ".svg")
_NAME = 32
"""Letters of the longest name in the legend."""
_DAYS = 1000
_MONEY = 1e-9
"""USD; less is a rounding error of sums in whole nanodollars."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What one group did cost per day, in USD, and its colour."""

    name: str
    spent: tuple[float, ...]
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Money per calendar day, days without calls included; the last :data:`_DAYS` at most.

    Args:
        by: what is stacked.
        days: in order.
        stacks: per group, the dearest first; all that have no colour of their own are one.
        saved: USD per day against the baseline.
    """

    by: str
    days: tuple[date, ...]
    stacks: tuple[Stack, ...]
    saved: tuple[float, ...]


def check_picture(path: Path) -> None:
    """Refuse a picture that could not be drawn, before anything is read.

    Raises:
        InvalidInputError: for another suffix.
        ConfigurationError: without matplotlib.
    """
    if path.suffix.lower() not in _FORMATS:
        raise InvalidInputError(
            f"{path} is no picture that can be drawn", remedy="end its name in .png or .svg"
        )
    if find_spec("matplotlib") is None:
        raise ConfigurationError(
            "a picture needs matplotlib, which is not installed",
            remedy="pip install 'conduit-router[experiments]', or leave out --picture",
        )


async def series_of(reports: CostReports, report: MoneyReport) -> Series:
    """The days of a report: its dearest groups each, and the others together."""
    everything = await daily_costs(reports, report.by, None, report.wanted)
    days = tuple(_span(min(everything), max(everything)))[-_DAYS:]
    stacks = []
    if report.by is not GroupBy.DAY:
        named = [it.total.key for it in report.lines if it.total.key is not None]
        for key, colour in zip(named, _COLOURS, strict=False):
            known = await daily_costs(reports, report.by, key, report.wanted)
            stacks.append(Stack(_short(key), _spent(days, known), colour))
    stacks += _rest(report, _spent(days, everything), stacks)
    saved = [everything[str(day)].saved if str(day) in everything else 0.0 for day in days]
    return Series(by=word(report.by), days=days, stacks=tuple(stacks), saved=tuple(saved))


def draw(series: Series, path: Path) -> Path:
    """Write the picture; its path.

    Raises:
        StoreError: where it cannot be written.
    """
    from matplotlib import rc_context  # noqa: PLC0415 - slow, and in an extra
    from matplotlib.figure import Figure  # noqa: PLC0415 - likewise

    with rc_context({**STYLE, "svg.fonttype": "none"}), warnings.catch_warnings():
        # Names in scripts that the font lacks are boxes in a PNG, and text in an SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(9, 4), dpi=160, layout="constrained")
        _draw(figure, series)
        try:
            figure.savefig(path, format=path.suffix.lower()[1:])
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written ({error.strerror})", remedy="name another place"
            ) from None
    return path


def _draw(figure: Figure, series: Series) -> None:
    ax = figure.add_subplot()
    below = [0.0] * len(series.days)
    handles: list[Artist] = []
    days = [(day - series.days[0]).days for day in series.days]
    for stack in series.stacks:
        handles.append(ax.bar(days, stack.spent, bottom=below, color=stack.colour, width=0.85))  # type: ignore[arg-type]
        below = [one + more for one, more in zip(below, stack.spent, strict=True)]
    handles += ax.plot(days, series.saved, color=INK, marker="o", ms=2.5, lw=1.2, ls="--")
    ax.set_title(f"Spending per day (UTC), by {series.by}")
    ax.set_ylabel("USD")
    ax.axhline(0, color=INK, lw=0.6)
    _tell_days(ax, series.days)
    _tell_names(figure, handles, [it.name for it in series.stacks])


def _tell_names(figure: Figure, handles: Sequence[Artist], stacks: Sequence[str]) -> None:
    legend = figure.legend(
        handles,
        [str(number) for number in range(len(handles))],
        loc="outside lower center",
        frameon=False,
        ncols=4,
    )
    for text, name in zip(legend.get_texts(), [*stacks, _SAVED], strict=True):
        text.set_parse_math(False)  # a name is what it is, dollars and underscores too
        text.set_text(name)


def _tell_days(ax: Axes, days: Sequence[date]) -> None:
    every = 1 + (len(days) - 1) // 8
    ticks = range(0, len(days), every)
    ax.set_xticks([*ticks], [f"{days[it]:%Y-%m-%d}" for it in ticks], fontsize=7.5)
    ax.set_xlim(-0.7, max(len(days), 3) - 0.3)


def _span(first: str, last: str) -> Iterator[date]:
    begin = date.fromisoformat(first)
    for number in range((date.fromisoformat(last) - begin).days + 1):
        yield begin + timedelta(days=number)


def _spent(days: Sequence[date], known: Mapping[str, CostTotal]) -> tuple[float, ...]:
    return tuple(known[str(day)].cost if str(day) in known else 0.0 for day in days)


def _rest(report: MoneyReport, whole: Sequence[float], stacks: Sequence[Stack]) -> Iterator[Stack]:
    """What is left: everything, the calls of which nobody said, or those of many groups."""
    some = zip(whole, *(it.spent for it in stacks), strict=True)
    left = tuple(total - sum(cells) for total, *cells in some)
    if max(left) < _MONEY:
        return
    nobodys = any(it.total.key is None for it in report.lines)
    unsaid = report.is_complete and nobodys and len(report.lines) == len(stacks) + 1
    name = "spent" if report.by is GroupBy.DAY else shown(None) if unsaid else "others"
    colour = _OTHERS if stacks else _COLOURS[0]
    yield Stack(name, tuple(max(it, 0.0) for it in left), colour)


def _short(name: str) -> str:
    text = shown(name)
    return text if len(text) <= _NAME else f"{text[: _NAME - 1]}…"
