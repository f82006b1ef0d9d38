"""Which store the settings mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.cli.stores import existing_store, store_of
from conduit.core.errors import ConfigurationError
from conduit.settings import Settings
from conduit.stores.choosing import durable_store
from conduit.stores.sql import SQLStore
from conduit.stores.supabase import SupabaseStore

POSTGRES = "postgresql://me:hidden@db.example:6543/postgres"
PROJECT = "https://name.supabase.co"


def _chosen(tmp_path: Path, **variables: str) -> str:
    settings = Settings.load(variables | {"CONDUIT_DATA_DIR": str(tmp_path)})
    store = store_of(settings, None)
    assert isinstance(store, SupabaseStore) == store.place.startswith("https://")
    return store.place


def test_a_database_wins_over_a_project_and_a_project_over_the_file(tmp_path: Path) -> None:
    """DATABASE_URL, then SUPABASE_URL with its key, then the SQLite file."""
    project = {"SUPABASE_URL": PROJECT, "SUPABASE_ANON_KEY": "sb_secret_x"}
    assert _chosen(tmp_path, DATABASE_URL=POSTGRES, **project) == POSTGRES.replace("hidden", "***")
    assert _chosen(tmp_path, **project) == PROJECT
    assert _chosen(tmp_path) == str(tmp_path / "conduit.db")


def test_an_option_wins_over_all_settings(tmp_path: Path) -> None:
    """--database names the store whatever else is set."""
    settings = Settings.load({"DATABASE_URL": POSTGRES, "SUPABASE_URL": PROJECT})
    assert store_of(settings, str(tmp_path / "x.db")).place == str(tmp_path / "x.db")


def test_a_project_is_there_without_a_file(tmp_path: Path) -> None:
    """A command that only looks opens a project, and makes no file where there is none."""
    project = {"SUPABASE_URL": PROJECT, "SUPABASE_ANON_KEY": "sb_secret_x"}
    there = existing_store(Settings.load(project), None)
    assert isinstance(there, SupabaseStore)
    assert existing_store(Settings.load({"CONDUIT_DATA_DIR": str(tmp_path)}), None) is None


@pytest.mark.parametrize(
    ("half", "said"),
    [
        ({"supabase_url": PROJECT}, "SUPABASE_URL is set and SUPABASE_ANON_KEY is not"),
        ({"supabase_key": "sb_secret_x"}, "SUPABASE_ANON_KEY is set and SUPABASE_URL is not"),
    ],
)
def test_half_a_project_is_one_clear_error(half: dict[str, str], said: str) -> None:
    """Nobody who set one of the two is led to a file instead; with a database it does not matter."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        durable_store("conduit.db", **half)
    assert "DATABASE_URL" in caught.value.remedy
    assert "sb_secret_x" not in str(caught.value)
    assert isinstance(durable_store("conduit.db", database_url=POSTGRES, **half), SQLStore)


def test_placeholders_of_a_template_count_as_unset(tmp_path: Path) -> None:
    """The address and key that a template shows lead to the file, as if they were not there."""
    shown = {
        "SUPABASE_URL": "https://your-project.supabase.co",
        "SUPABASE_ANON_KEY": "your_anon_key_here",
    }
    assert _chosen(tmp_path, **shown) == str(tmp_path / "conduit.db")
