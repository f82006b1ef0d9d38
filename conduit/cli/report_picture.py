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

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's, which people with colour blindness tell apart."""
_OTHERS = "#BBBBBB"
_FORMATS = (".png", ".svg")
_NAME = 32
"""Letters of the longest name in the legend."""
_MONEY = 1e-9
"""USD; less is a rounding error of sums in whole nanodollars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Money per calendar day, all days between the first and the last included.

    Args:
        by: what is stacked.
        days: in order.
        stacks: USD per day, by name, the dearest group first.
        saved: USD per day against the baseline.
    """

    by: str
    days: tuple[date, ...]
    stacks: Mapping[str, tuple[float, ...]]
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
    days = tuple(_span(min(everything), max(everything)))
    stacks: dict[str, tuple[float, ...]] = {}
    if report.by is not GroupBy.DAY:
        named = [it.total.key for it in report.lines if it.total.key is not None]
        for key in named[: len(_COLOURS)]:
            known = await daily_costs(reports, report.by, key, report.wanted)
            stacks[key] = _spent(days, known)
    whole = _spent(days, everything)
    rest = [total - sum(cells) for total, *cells in zip(whole, *stacks.values(), strict=True)]
    if max(rest) > _MONEY:
        stacks[_rest_of(report, len(stacks))] = tuple(max(it, 0.0) for it in rest)
    saved = [everything[str(day)].saved if str(day) in everything else 0.0 for day in days]
    return Series(by=word(report.by), days=days, stacks=stacks, saved=tuple(saved))


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
        _draw(figure.add_subplot(), series)
        try:
            figure.savefig(path, format=path.suffix.lower()[1:])
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written ({error.strerror})", remedy="name another place"
            ) from None
    return path


def _draw(ax: Axes, series: Series) -> None:
    colours = dict(zip(series.stacks, _COLOURS, strict=False))
    below = [0.0] * len(series.days)
    handles: list[Artist] = []
    days = [(day - series.days[0]).days for day in series.days]
    for name, spent in series.stacks.items():
        colour = colours.get(name, _OTHERS)
        handles.append(ax.bar(days, spent, bottom=below, color=colour, width=0.85))  # type: ignore[arg-type]
        below = [one + more for one, more in zip(below, spent, strict=True)]
    handles += ax.plot(days, series.saved, color=INK, marker="o", ms=3, lw=1.2, ls="--")
    ax.set_title(f"Spending per day (UTC), by {series.by}")
    ax.set_ylabel("USD")
    ax.axhline(0, color=INK, lw=0.6)
    _tell_days(ax, series.days)
    legend = ax.legend(handles, [str(n) for n in range(len(handles))], frameon=False, ncols=2)
    names = [*map(_short, series.stacks), "saved against the baseline"]
    for text, name in zip(legend.get_texts(), names, strict=True):
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


def _rest_of(report: MoneyReport, named: int) -> str:
    """What is left: everything, the calls of which nobody said, or those of many groups."""
    if report.by is GroupBy.DAY:
        return "spent"
    left = [it.total.key for it in report.lines][: named + 1]
    return shown(None) if report.is_complete and len(report.lines) == len(left) else "others"


def _short(name: str) -> str:
    text = shown(name)
    return text if len(text) <= _NAME else f"{text[: _NAME - 1]}…"
