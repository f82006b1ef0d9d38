"""``conduit report``: what was spent and saved, and how it was rated."""

from __future__ import annotations

import csv
import io
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlalchemy import create_engine

import conduit.budgets.csv_cells
import conduit.cli.report_words
from conduit.core.costs import CostRecord
from conduit.stores.sql_costs import _row
from conduit.stores.sql_schema import costs
from tests.stores.builders import a_cost

from .conftest import Run, contents
from .cost_data import DAY, NOVEMBER, rated, some_costs, write_costs


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three requests, two of them rated."""
    ratings = [rated("d1", "gpt-4o-mini", 1.0), rated("d2", "gpt-4o", 0.5)]
    path = tmp_path_factory.mktemp("books") / "conduit.db"
    return write_costs(path, *some_costs(), ratings=ratings)


@pytest.fixture
def books(database: Path, written: Path) -> Path:
    """The same, where the command line looks for them."""
    database.parent.mkdir(parents=True)
    shutil.copy(written, database)
    return database


def rows(said: str) -> dict[str, list[str]]:
    """The lines of a table, by their first cell."""
    cells = [re.split(r"\s{2,}", line.strip()) for line in said.splitlines() if "$" in line]
    return {first: rest for first, *rest in cells}


def test_a_report_has_one_line_per_model_and_a_total(conduit: Run, books: Path) -> None:
    """Over all time, the dearest first; a failed call is paid, saves nothing and is not rated."""
    ran = conduit("report")
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == (
        [
            "model",
            "requests",
            "calls",
            "spend",
            "baseline",
            "saved",
            "saved",
            "%",
            "quality",
            "(n)",
        ]
    )
    assert rows(ran.out) == {
        "gpt-4o": ["2", "2", "$1.25", "$1.00", "-$0.250", "-25.0", "0.50 (1)"],
        "gpt-4o-mini": ["2", "2", "$0.625", "$2.50", "$1.88", "75.0", "1.00 (1)"],
        "total": ["3", "4", "$1.88", "$3.50", "$1.62", "46.4", "0.75 (2)"],
    }


def test_programs_are_told_the_same(conduit: Run, books: Path) -> None:
    """Groups and their total as one object, in USD and percent; a group without a name is null."""
    said = conduit("report", "--by", "user", "--json").json
    assert (said["by"], said["since"], said["until"], said["complete"]) == (
        "user",
        None,
        None,
        True,
    )
    assert [it["group"] for it in said["groups"]] == ["bob", "anna", None]
    anna = said["groups"][1]
    assert anna == {
        "group": "anna",
        "requests": 1,
        "calls": 2,
        "spend_usd": 0.75,
        "baseline_usd": 2.0,
        "saved_usd": 1.25,
        "saved_pct": 62.5,
        "quality": 1.0,
        "rated": 1,
        "input_tokens": 7,
        "output_tokens": 0,
    }
    assert (said["total"]["spend_usd"], said["total"]["rated"]) == (1.875, 2)


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("task", ["(not said)", "chat"]),
        ("day", ["2026-11-04", "2026-11-02", "2026-11-01"]),
    ],
)
def test_other_groupings(conduit: Run, books: Path, by: str, groups: list[str]) -> None:
    """Tasks from the dearest, days from the latest."""
    assert list(rows(conduit("report", "--by", by).out)) == [*groups, "total"]


@pytest.mark.parametrize(
    ("span", "days"),
    [
        (["--since", "2026-11-02"], ["2026-11-04", "2026-11-02"]),
        (["--until", "2026-11-02"], ["2026-11-01"]),
        (["--since", "2026-11-02T00:00", "--until", "2026-11-04T02:00+02:00"], ["2026-11-02"]),
        (["--since", "2026-11-05"], []),
    ],
)
def test_a_span_is_from_its_first_moment_to_before_its_last(
    conduit: Run, books: Path, span: list[str], days: list[str]
) -> None:
    """Dates are midnight in UTC unless they name a zone."""
    said = conduit("report", "--by", "day", *span, "--json").json
    assert [it["group"] for it in said["groups"]] == days


def test_an_age_is_before_now(conduit: Run, books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """24h and 7d reach back from the moment of the call."""
    monkeypatch.setattr("time.time", lambda: NOVEMBER + 3 * DAY + 3600)
    assert conduit("report", "--since", "24h", "--json").json["total"]["requests"] == 1
    assert conduit("report", "--since", "7d", "--json").json["total"]["requests"] == 3
    assert conduit("report", "--until", "3d", "--json").json["total"]["requests"] == 1


def test_nothing_is_wrapped_on_a_narrow_terminal(
    conduit: Run, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of the table stays a line, whatever the terminal does with it."""
    wide = [it.split() for it in conduit("report").out.splitlines() if "$" in it]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", conduit("report").out)
    assert [it.split() for it in plain.splitlines() if "$" in it] == wide


NAMES = ["=1+1", "@cmd", "+49", "-x", "\tTab", '日本 語, "q"', "Ünï", "a\nb", "\x1b[31mred"]


def test_csv_comes_back_as_it_was(conduit: Run, database: Path) -> None:
    """Every name of every script, but none that a spreadsheet would compute: it gets an apostrophe."""
    write_costs(
        database,
        *(a_cost(str(n), 0.1 + n, user=name, base_cost=1.0) for n, name in enumerate(NAMES)),
    )
    ran = conduit("report", "--by", "user", "--csv")
    read = list(csv.DictReader(io.StringIO(ran.out, newline="")))
    names = [f"'{name}" if name[0] in "=@+-\t" else name for name in NAMES]
    assert [it["group"] for it in read] == names[::-1]
    assert [float(it["spend_usd"]) for it in read] == [0.1 + n for n in range(len(NAMES))][::-1]
    assert float(read[0]["saved_usd"]) < 0
    assert read[0]["quality"] == ""


def test_csv_is_the_same_bytes_on_every_system(
    conduit: Run, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standard output that translates line breaks and lacks letters changes nothing: it is UTF-8."""
    write_costs(database, a_cost("a", 1.0, user="日本"), a_cost("b", 0.5, user="Ünï"))
    written = io.BytesIO()
    windows = io.TextIOWrapper(written, encoding="cp1252", newline="\r\n")
    monkeypatch.setattr(sys, "stdout", windows)
    assert conduit("report", "--by", "user", "--csv").code == 0
    lines = written.getvalue().decode("utf-8").split("\r\n")
    assert [line.split(",")[0] for line in lines] == ["group", "日本", "Ünï", ""]
    assert not any("\r" in line or "\n" in line for line in lines)


def test_csv_where_there_are_no_bytes(
    conduit: Run, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standard output that takes text alone, as a notebook's, gets it as text."""
    text = io.StringIO(newline="")
    monkeypatch.setattr(sys, "stdout", text)
    assert conduit("report", "--csv").code == 0
    assert text.getvalue().count("\r\n") == len(text.getvalue().splitlines()) == 3


def test_names_are_on_one_line_of_a_terminal(conduit: Run, database: Path) -> None:
    """What would move the cursor or colour the screen is spelled out; nothing is cut or wrapped."""
    names = [*NAMES, "a name with blanks " * 8, "x" * 300]
    write_costs(database, *(a_cost(str(n), 1.0, user=name) for n, name in enumerate(names)))
    said = conduit("report", "--by", "user").out
    assert "\x1b" not in said
    assert r"\x1b[31mred" in said
    assert sum("$1.00" in line for line in said.splitlines()) == len(names)
    assert "x" * 300 in said


def insert(database: Path, records: Iterable[CostRecord]) -> None:
    """Put many records where the ledger has put one, faster."""
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.execute(costs.insert(), [*map(_row, records)])
    engine.dispose()


def test_numbers_are_summed_by_the_database(
    conduit: Run, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 100,000 records no row is made into a record here; the sums are exact."""
    insert(books, (a_cost(str(n), 0.001, user=f"u{n % 5}") for n in range(100_000)))
    made: list[object] = []
    monkeypatch.setattr(CostRecord, "__init__", lambda self, **it: made.append(it))
    said = conduit("report", "--until", "2026-01-01", "--by", "user", "--json").json
    assert (said["total"]["calls"], said["total"]["spend_usd"]) == (100_000, 100.0)
    assert {it["spend_usd"] for it in said["groups"]} == {20.0}
    assert made == []


def test_more_groups_than_a_report_has_lines(conduit: Run, books: Path) -> None:
    """The dearest thousand are listed, the total holds all, and the reader is told."""
    insert(books, (a_cost(str(n), 0.5, user=f"u{n}") for n in range(1001)))
    said = conduit("report", "--until", "2026-01-01", "--by", "user", "--json").json
    assert (said["complete"], len(said["groups"])) == (False, 1000)
    assert said["total"]["spend_usd"] == 500.5
    assert "Only the dearest 1,000 are listed" in conduit("report", "--by", "user").out


def test_the_configured_baseline_is_named(
    conduit: Run, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where somebody chose one; what it was at the time is not on record."""
    assert conduit("report", "--json").json["baseline"] is None
    monkeypatch.setenv("CONDUIT_BASELINE", "gpt-4o")
    assert conduit("report", "--json").json["baseline"] == "gpt-4o"
    assert "baseline of its time, now gpt-4o." in conduit("report").out


def test_nothing_spent_says_what_to_do(conduit: Run, database: Path) -> None:
    """Without a database, with an empty one, and in a span without calls; nothing is made."""
    ran = conduit("report")
    assert (ran.code, database.exists()) == (0, False)
    assert ran.out.startswith("Nothing was spent yet: conduit run")
    assert conduit("report", "--json").json["total"] is None
    write_costs(database)
    assert conduit("report").out == ran.out
    assert conduit("report", "--csv").out.startswith("group,requests,calls,spend_usd")
    assert "leave out --since and --until" in conduit("report", "--since", "1d").out


def test_offline_spending_is_in_a_file_of_its_own(
    conduit: Run, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read with the same setting that wrote it."""
    write_costs(database.parent / "offline.db", *some_costs())
    assert conduit("report", "--json").json["total"] is None
    monkeypatch.setenv("CONDUIT_OFFLINE", "1")
    assert conduit("report", "--json").json["total"]["calls"] == 4


@pytest.mark.parametrize("by", ["model", "user", "day"])
def test_a_picture_of_days(conduit: Run, books: Path, tmp_path: Path, by: str) -> None:
    """It names every group and the saving, and lies where it was asked for."""
    path = tmp_path / "costs.svg"
    ran = conduit("report", "--by", by, "--picture", path)
    assert (ran.code, ran.err) == (0, f"Picture: {path}\n")
    said = "".join(ElementTree.parse(path).getroot().itertext())
    names = {"model": ["gpt-4o", "gpt-4o-mini"], "user": ["bob", "(not said)"], "day": ["spent"]}
    assert all(word in said for word in (*names[by], "saved against the baseline", "2026-11-03"))


def test_a_picture_of_a_long_time(conduit: Run, database: Path, tmp_path: Path) -> None:
    """A call of 1970 does not make it wider than the last thousand days."""
    write_costs(database, a_cost("old", 1.0), a_cost("new", 1.0, at=NOVEMBER))
    path = tmp_path / "long.svg"
    assert conduit("report", "--picture", path).code == 0
    said = "".join(ElementTree.parse(path).getroot().itertext())
    assert "2024-02-06" in said
    assert "1970" not in said


def test_a_picture_of_any_names(conduit: Run, database: Path, tmp_path: Path) -> None:
    """More groups than colours are 'others'; dollars, underscores and scripts are no markup."""
    names = [*NAMES, "zoe", "_hidden", "$x_1$", "n" * 200]
    write_costs(database, *(a_cost(str(n), 1.0 + n, user=name) for n, name in enumerate(names)))
    for name in ("a.png", "b.SVG"):
        ran = conduit("report", "--by", "user", "--picture", tmp_path / name, "--json")
        assert ran.json["picture"] == str(tmp_path / name)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    said = "".join(ElementTree.parse(tmp_path / "b.SVG").getroot().itertext())
    assert "$x_1$" in said
    assert "_hidden" in said
    assert "others" in said


@pytest.mark.parametrize(
    ("last", "rest"), [("user-6", "others"), (None, "(not said)")], ids=["named", "nobody's"]
)
def test_the_seventh_of_a_picture(
    conduit: Run, database: Path, tmp_path: Path, last: str | None, rest: str
) -> None:
    """A single group without a colour is nobody's calls only where they are nobody's."""
    users = [*(f"user-{number}" for number in range(6)), last]
    write_costs(database, *(a_cost(str(n), 9.0 - n, user=user) for n, user in enumerate(users)))
    path = tmp_path / "seven.svg"
    assert conduit("report", "--by", "user", "--picture", path).code == 0
    said = list(ElementTree.parse(path).getroot().itertext())
    assert {"others", "(not said)"} & set(said) == {rest}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "colour"], "'colour' is not one of"),
        (["--since", "yesterday"], "'yesterday' is no moment; write it as in 24h, 7d"),
        (["--since", "2026-11-02", "--until", "2026-11-01"], "the span ends before it begins"),
        (["--json", "--csv"], "--csv and --json exclude one another"),
        (["--picture", "costs.gif"], "costs.gif is no picture that can be drawn; end its name in"),
        (["--picture", "absent/costs.png"], "absent/costs.png cannot be written"),
        (["--database", "absent.db"], "there is no database at absent.db"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    conduit: Run, books: Path, arguments: list[str], said: str
) -> None:
    """Every refusal names the value and the remedy, and leaves the database as it was."""
    before = contents(books)
    ran = conduit("report", *arguments)
    assert ran.code == 2
    assert said in ran.error
    assert contents(books) == before


def test_a_picture_without_matplotlib(
    conduit: Run, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names the extra; the report itself needs none."""
    monkeypatch.setattr("conduit.cli.report_picture.find_spec", lambda name: None)
    ran = conduit("report", "--picture", "a.png")
    assert ran.code == 2
    assert "pip install 'conduit-router[experiments]'" in ran.error
    assert conduit("report").code == 0


def test_a_store_without_books(conduit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Supabase over REST keeps no budgets: one line, before anybody is asked."""
    monkeypatch.setenv("SUPABASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SUPABASE_ANON_KEY", "key")
    ran = conduit("report")
    assert ran.code == 2
    assert "budgets are not kept by a SupabaseStore; set DATABASE_URL" in ran.error


def test_examples_in_the_code_are_true() -> None:
    """The doctests of what is printed run as printed."""
    import doctest

    for module in (conduit.budgets.csv_cells, conduit.cli.report_words):
        results = doctest.testmod(module)
        assert (results.failed, results.attempted > 0) == (0, True)
