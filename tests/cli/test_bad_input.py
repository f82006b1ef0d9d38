"""What bad input gets: one line, exit code 2, and an untouched database."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from conduit.stores.sql import SQLStore

from ..servers.postgres import Databases
from .conftest import Run, contents

ASKING = ("route", "run")


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, so that ``run`` gets as far as the mistake; nothing here reaches a provider."""
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-that-is-never-sent")


USELESS = [
    (["--model", "gpt-99"], "unknown model 'gpt-99'; choose one of: "),
    (["--provider", "acme"], "no model of provider 'acme'; choose one of: anthropic, "),
    (["--prefer-provider", "acme"], "no model of provider 'acme'; choose one of: anthropic, "),
    (
        ["--provider", "groq", "--model", "gpt-4o"],
        "model 'gpt-4o' is served by 'openai', not by 'groq'",
    ),
    (["--policy", "luck"], "unknown policy 'luck'; choose one of: best, "),
    (["--policy", "fixed:gpt-99"], "unknown model 'gpt-99'"),
    (["--max-cost", "-0.1"], "max_cost=-0.1 is no limit"),
    (["--max-cost", "nan"], "max_cost=nan is no limit"),
    (["--max-cost", "inf"], "max_cost=inf is no limit"),
    (["--max-latency", "-1"], "max_latency=-1.0 is no limit"),
    (["--min-quality", "1.5"], "min_quality=1.5 is above 1"),
    (["--min-quality", "-0.5"], "min_quality=-0.5 is no limit"),
    (["--max-tokens", "0"], "max_tokens=0 is below 1"),
]
"""Options that ``route`` and ``run`` share, each with what the error says."""


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(("options", "said"), USELESS)
def test_options_that_cannot_be_used(
    conduit: Run, database: Path, options: list[str], said: str
) -> None:
    """The line names the value and the remedy, and no database is made."""
    ran = conduit("run", "hi", *options)
    assert ran.code == 2
    assert said in ran.error
    assert not database.exists()


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("command", ASKING)
def test_bad_options_leave_the_database_as_it_was(
    conduit: Run, database: Path, command: str
) -> None:
    """Nothing is half-written where there is a database already."""
    conduit("route", "hi")
    before = contents(database)
    assert {conduit(command, "hi", *options).code for options, _ in USELESS} == {2}
    assert contents(database) == before


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("command", ASKING)
@pytest.mark.parametrize("limit", ["0", "0.0000001"])
def test_no_model_within_the_limit(conduit: Run, database: Path, command: str, limit: str) -> None:
    """A cost that no model fits names the cheapest and its price; zero means zero."""
    conduit("route", "hi")
    before = contents(database)
    ran = conduit(command, "hi", "--max-cost", limit)
    assert ran.code == 2
    assert (
        f"no model fits max_cost=${float(limit):g}: the cheapest is 'gpt-4o-mini' at $" in ran.error
    )
    assert "raise max_cost to at least $" in ran.error
    assert contents(database) == before


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("command", ASKING)
def test_a_budget_below_the_cheapest_model(
    conduit: Run, database: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A budget that no call fits names the cheapest model and what it costs; nothing is learned."""
    conduit("route", "hi")
    before = contents(database)
    monkeypatch.setenv("CONDUIT_BUDGET", "0.0000000001")
    ran = conduit(command, "hi")
    assert ran.code == 2
    assert "budget=$1e-10" in ran.error
    assert "gpt-4o-mini" in ran.error
    assert contents(database) == before


def test_a_free_model_fits_zero(conduit: Run, machine: Path) -> None:
    """max_cost=0 is honoured, not refused: a free model may answer."""
    write_registry(
        machine,
        "{id: local, provider: lmstudio, input_price: 0, output_price: 0}",
        "{id: gpt-4o, provider: openai}",
    )
    said = conduit("route", "hi", "--max-cost", "0", "--json").json
    assert said["probabilities"] == {"local": 1.0}


def test_a_database_made_by_a_newer_version(conduit: Run, database: Path) -> None:
    """An unknown revision is refused by every command that opens the database, which stays."""
    decision = conduit("route", "hi", "--json").json["decision_id"]
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = contents(database)
    for call in (["route", "hi"], ["feedback", decision, "--rating", "5"], ["models"]):
        ran = conduit(*call)
        assert ran.code == 2
        assert "'9999'" in ran.error
        assert "upgrade conduit-router" in ran.error
    assert contents(database) == before


def test_a_database_learned_with_another_encoder(conduit: Run, database: Path) -> None:
    """Contexts of another length are refused before anything is decided."""

    async def bind() -> None:
        store = SQLStore(database)
        await store.open()
        await store.bind_layout("another-encoder/3", 3)
        await store.close()

    asyncio.run(bind())
    before = contents(database)
    ran = conduit("route", "hi")
    assert ran.code == 2
    assert "another-encoder/3" in ran.error
    assert contents(database) == before


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("", "would vanish at once"),
        (":memory:", "would vanish at once"),
        (".", "would vanish at once"),
        ("folder", "cannot be opened"),
        ("text.txt", "is not a database"),
        ("text.txt/x.db", "cannot be made"),
        ("mysql://host/name", "databases of kind 'mysql' are not supported"),
    ],
)
def test_places_that_hold_no_database(conduit: Run, machine: Path, place: str, said: str) -> None:
    """A place that is no database is named, with what to give instead; a file there is kept."""
    (machine / "folder").mkdir()
    (machine / "text.txt").write_text("important words, no database\n" * 100)
    before = sorted(machine.iterdir())
    for call in (["route", "hi"], ["models"], ["feedback", "x", "--rating", "5"]):
        if call[0] != "route" and place == "text.txt/x.db":
            continue  # those two make no database: to them it is one that does not exist
        ran = conduit(*call, "--database", place)
        assert ran.code == 2
        assert said in ran.error
    assert sorted(machine.iterdir()) == before
    assert (machine / "text.txt").read_text().startswith("important words")


@pytest.mark.parametrize("command", [["route", "hi"], ["run", "hi"], ["models"]])
@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{id: gpt-4o, provider: openai, colour: red}", "colour"),
        ("{id: gpt-4o, provider: openai, tier: huge}", "tier"),
        ("{id: gpt-4o}", "has no provider"),
        ("{id: gpt-4o, provider: openai, input_price: -1, output_price: 1}", "input_price"),
    ],
)
def test_a_registry_with_a_mistake(
    conduit: Run, machine: Path, command: list[str], entry: str, said: str
) -> None:
    """The line names file, entry and field."""
    write_registry(machine, entry)
    ran = conduit(*command)
    assert ran.code == 2
    assert "registry.yaml: models[0] (gpt-4o)" in ran.error
    assert said in ran.error


def test_a_model_without_a_price(conduit: Run, machine: Path) -> None:
    """A model nobody priced is never priced by guess."""
    write_registry(machine, "{id: mystery, provider: openai}")
    ran = conduit("route", "hi")
    assert ran.code == 2
    assert "no price is known for model 'mystery'" in ran.error


def test_an_unknown_encoder(conduit: Run, monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    """A misspelt encoder is named with those that exist, before a database is made."""
    monkeypatch.setenv("CONDUIT_ENCODER", "crystal-ball")
    ran = conduit("route", "hi")
    assert ran.code == 2
    assert "unknown encoder 'crystal-ball'; choose one of: auto, " in ran.error
    assert not database.exists()


@pytest.mark.parametrize("password", ["[hunter2secret]", "hunter2secret["])
@pytest.mark.parametrize("variable", ["DATABASE_URL", "REDIS_URL", "MLFLOW_TRACKING_URI"])
@pytest.mark.parametrize("command", [["route", "hi"], ["run", "hi"], ["batch"], ["serve"]])
def test_a_bracket_in_a_password(
    conduit: Run, monkeypatch: pytest.MonkeyPatch, command: list[str], variable: str, password: str
) -> None:
    """Every command says how to write it, in one line without the password."""
    monkeypatch.setenv(variable, f"scheme://me:{password}@host.example:5432/name")
    ran = conduit(*command)
    assert ran.code == 2
    assert f"{variable} has a square bracket in its password" in ran.error
    assert "hunter2" not in ran.error


@pytest.mark.parametrize(
    "command",
    [["serve"], ["demo"], ["route", "hi"], ["models"], ["report"], ["db", "status"]],
    ids=" ".join,
)
def test_a_home_folder_that_is_unknown(conduit: Run, command: list[str]) -> None:
    """Whatever command is to open a database there says so in one line, and makes no file."""
    ran = conduit(*command, "--database", "~nobody-of-this-name/x.db")
    assert ran.code == 2
    assert "'~nobody-of-this-name/x.db' begins with a user whose home folder is unknown" in (
        ran.error
    )
    assert not Path("~nobody-of-this-name").exists()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CONDUIT_OPTIMIZE_FOR", "luck", "choose one of: balanced, quality, cost, speed"),
        ("CONDUIT_TIMEOUT", "0", "give a positive number of seconds"),
        ("DATABASE_URL", "postgresql://me:[password]@host/name", "put the real password"),
        ("CONDUIT_ENV_FILE", "missing.env", "is no file"),
        ("CONDUIT_POLICY", "luck", "unknown policy 'luck'"),
    ],
)
def test_settings_that_cannot_be_used(
    conduit: Run, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    """A mistake in the environment is reported like one on the command line."""
    monkeypatch.setenv(variable, value)
    ran = conduit("route", "hi")
    assert ran.code == 2
    assert said in ran.error


def write_registry(machine: Path, *entries: str) -> None:
    """A registry in the working folder, where it is found by itself."""
    folder = machine / "models"
    folder.mkdir()
    lines = "".join(f"  - {entry}\n" for entry in entries)
    (folder / "registry.yaml").write_text(f"models:\n{lines}")


def test_a_server_that_cannot_be_used(
    conduit: Run, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password, a half-applied migration: every command says so and starts nothing anew."""
    address = databases.new()
    guessed = make_url(address).set(password="guess").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        connection.execute("DROP TABLE pending")
    for where, said in ((guessed, "refuses this user or password"), (address, "lacks pending")):
        monkeypatch.setenv("DATABASE_URL", where)
        for call in (["route", "hi"], ["feedback", "0" * 32, "--rating", "5"], ["models"]):
            ran = conduit(*call)
            assert ran.code == 2
            assert said in ran.error
            assert "guess" not in ran.error
