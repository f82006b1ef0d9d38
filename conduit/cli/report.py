"""``conduit report``."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from conduit.budgets.ledger import Ledger
from conduit.budgets.money_report import MoneyReport, money_report
from conduit.cli.console import note, say, say_json
from conduit.cli.logs import load_settings
from conduit.cli.moments import Moment, moment
from conduit.cli.options import Database, Json
from conduit.cli.report_picture import Series, check_picture, draw, series_of
from conduit.cli.report_words import csv_lines, payload, say_nothing, say_report
from conduit.cli.stores import store_of
from conduit.core.costs import MOST_RECORDS, CostFilter, GroupBy
from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.engines.roles import Roles
from conduit.settings import Settings
from conduit.stores.choosing import DurableStore


class By(StrEnum):
    """What a report has one line for."""

    MODEL = "model"
    USER = "user"
    TASK = "task"
    DAY = "day"

    @property
    def grouping(self) -> GroupBy:
        """As the books call it."""
        return GroupBy.TASK_TYPE if self is By.TASK else GroupBy(self.value)


@dataclass(frozen=True, slots=True)
class Found:
    """A report, and what its picture shows; None where none is wanted."""

    report: MoneyReport
    series: Series | None


def report(
    *,
    by: Annotated[By, typer.Option(help="One line for each of these.")] = By.MODEL,
    since: Annotated[
        Moment | None,
        typer.Option(
            parser=moment,
            metavar="WHEN",
            help="From then on: 24h, 7d, 8w, or 2026-11-01 (UTC); default: all there is.",
        ),
    ] = None,
    until: Annotated[
        Moment | None,
        typer.Option(parser=moment, metavar="WHEN", help="Before then, likewise; default: now."),
    ] = None,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV on standard output, and nothing else there.")
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Draw spending and saving per day: .png or .svg."),
    ] = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Say what was spent and saved, per model, user, task or day, and how it was rated.

    Every paid call is on record, failed ones and calls from other processes
    included. Without options the report has one line per model, over all time:

      conduit report
      conduit report --by user --since 7d
      conduit report --by day --since 2026-11-01 --until 2026-12-01
      conduit report --by task --csv > costs.csv
      conduit report --since 8w --picture costs.png

    A request may take several calls. The baseline is what the same tokens would
    have cost at the model that savings were measured against at the time; a
    failed call is paid and saves nothing. Quality is the mean rating, 0 to 1, of
    the answers that were rated, and in brackets how many these are. Days are UTC.
    What was spent with CONDUIT_OFFLINE=1 is in a file of its own; set it here, too.

    With --json: by, since and until (seconds since the epoch, or null), baseline
    (the configured one, or null), groups, total, complete (whether every group
    is listed) and picture. A group has group, requests, calls, spend_usd,
    baseline_usd, saved_usd, saved_pct, quality, rated, input_tokens,
    output_tokens. CSV, in UTF-8, has the same columns, and text that a spreadsheet
    would compute has an apostrophe before it.
    """
    if csv and json:
        raise InvalidInputError("--csv and --json exclude one another", remedy="give one of them")
    if picture is not None:
        check_picture(picture)
    settings, now = load_settings(), time.time()
    wanted = CostFilter(
        since=None if since is None else since.seconds(now=now),
        until=None if until is None else until.seconds(now=now),
    )
    found = asyncio.run(
        _read(_store(settings, database), by, wanted, with_series=picture is not None)
    )
    drawn = None
    if picture is not None and found.series is not None:
        drawn = draw(found.series, picture)
    baseline = settings.baseline or Roles.of(settings.models_json).baseline
    if json:
        say_json(payload(found.report, baseline=baseline, picture=drawn))
    elif csv:
        say("".join(csv_lines(found.report)), exact=True)
    else:
        _say(found.report, baseline=baseline)
    if drawn is not None:
        note(f"Picture: {drawn}")


def _say(made: MoneyReport, *, baseline: str | None) -> None:
    if made.whole is None:
        say_nothing(made)
    else:
        say_report(made, baseline=baseline)


def _store(settings: Settings, database: str | None) -> DurableStore:
    """The one to read.

    Raises:
        ConfigurationError: for a database that was named and is not there.
    """
    store = store_of(settings, database)
    if database is not None and not _is_there(store):
        raise ConfigurationError(
            f"there is no database at {store.place}", remedy="name another with --database"
        )
    return store


def _is_there(store: DurableStore) -> bool:
    return "://" in store.place or Path(store.place).exists()


async def _read(store: DurableStore, by: By, wanted: CostFilter, *, with_series: bool) -> Found:
    """Everything from the books; a file that is not there yet is not made."""
    ledger = Ledger(store)
    if not _is_there(store):
        nothing = MoneyReport(
            by=by.grouping, wanted=wanted, lines=(), whole=None, limit=MOST_RECORDS
        )
        return Found(nothing, None)
    await store.open()
    try:
        made = await money_report(ledger, by.grouping, wanted)
        series = await series_of(ledger, made) if with_series and made.whole else None
        return Found(made, series)
    finally:
        await store.close()
