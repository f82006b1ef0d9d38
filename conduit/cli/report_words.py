"""What ``conduit report`` says: a table for people, an object and CSV for programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from conduit.budgets.csv_cells import csv_line
from conduit.budgets.money_report import Line, MoneyReport
from conduit.cli.console import say, say_table, table_of
from conduit.cli.demo_words import usd
from conduit.core.costs import CostQuality, GroupBy

_NUMBERS = ("requests", "calls", "spend", "baseline", "saved", "saved %", "quality (n)")
_UNSAID = "(not said)"


def payload(
    report: MoneyReport, *, baseline: str | None, picture: Path | None
) -> dict[str, object]:
    """Everything, as one JSON object."""
    return {
        "by": word(report.by),
        "since": report.wanted.since,
        "until": report.wanted.until,
        "baseline": baseline,
        "groups": [_figures(line) for line in report.lines],
        "total": None if report.whole is None else _figures(report.whole),
        "complete": report.is_complete,
        "picture": None if picture is None else str(picture),
    }


def csv_lines(report: MoneyReport) -> Iterator[str]:
    """A heading and one line per group; sums are left to the reader."""
    yield csv_line(_COLUMNS)
    for line in report.lines:
        yield csv_line(_figures(line).values())


def say_report(report: MoneyReport, *, baseline: str | None) -> None:
    """Print the table, and below it what its figures mean."""
    assert report.whole is not None
    table = table_of(word(report.by), *_NUMBERS, right=_NUMBERS)
    for column in table.columns:
        column.no_wrap = True
    for line in report.lines:
        table.add_row(shown(line.total.key), *_cells(line))
    table.add_section()
    table.add_row("total", *_cells(report.whole), style="bold")
    say_table(table)
    for sentence in _remarks(report, baseline=baseline):
        say(sentence)


def say_nothing(report: MoneyReport) -> None:
    """Say that nothing was spent, and what to do about it."""
    if report.wanted.since is None and report.wanted.until is None:
        say(
            'Nothing was spent yet: conduit run "What is 2+2?" asks a model and leaves a record, as '
            "llm() and conduit serve do. What was spent offline is in a file of its own "
            "(CONDUIT_OFFLINE=1 conduit report); --database names another one."
        )
    else:
        say("Nothing was spent in this span: leave out --since and --until to see all there is.")


def shown(key: str | None) -> str:
    r"""A group's name on one line of a terminal; what is no text is spelled out.

    Example:
        >>> shown(None), shown("gpt-4o"), shown("a\x1b[31m"), shown("")
        ('(not said)', 'gpt-4o', 'a\\x1b[31m', "''")
    """
    if not key:
        return _UNSAID if key is None else repr(key)
    return "".join(it if it.isprintable() else repr(it)[1:-1] for it in key)


def word(by: GroupBy) -> str:
    """A grouping as the option calls it."""
    return "task" if by is GroupBy.TASK_TYPE else by.value


_COLUMNS = (
    "group",
    "requests",
    "calls",
    "spend_usd",
    "baseline_usd",
    "saved_usd",
    "saved_pct",
    "quality",
    "rated",
    "input_tokens",
    "output_tokens",
)


def _figures(line: Line) -> dict[str, object]:
    total, quality = line.total, line.quality
    values = (
        total.key,
        total.requests,
        total.calls,
        total.cost,
        total.base_cost,
        round(total.saved, 9),
        line.saved_pct,
        None if quality is None else quality.quality,
        0 if quality is None else quality.rated,
        total.input_tokens,
        total.output_tokens,
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _cells(line: Line) -> tuple[str, ...]:
    total, percent = line.total, line.saved_pct
    return (
        f"{total.requests:,}",
        f"{total.calls:,}",
        usd(total.cost),
        usd(total.base_cost),
        usd(round(total.saved, 9)),
        "-" if percent is None else f"{percent:,.1f}",
        _quality(line.quality),
    )


def _quality(quality: CostQuality | None) -> str:
    return "- (0)" if quality is None else f"{quality.quality:.2f} ({quality.rated:,})"


def _remarks(report: MoneyReport, *, baseline: str | None) -> Iterator[str]:
    named = f", now {baseline}" if baseline else ""
    yield f"Saved against each call's baseline of its time{named}."
    assert report.whole is not None
    if report.whole.quality is None:
        yield "No answer was rated yet: conduit feedback DECISION_ID --rating 5."
    if not report.is_complete:
        what = "latest" if report.by is GroupBy.DAY else "dearest"
        yield f"Only the {what} {len(report.lines):,} are listed; the total has all."
