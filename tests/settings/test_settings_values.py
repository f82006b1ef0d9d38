"""What each setting holds, and what it refuses."""

import subprocess
import sys
from pathlib import Path

import pytest

from conduit.core.errors import ConfigurationError
from conduit.settings import Settings


def test_defaults_are_the_documented_ones():
    """Without any variable the router is Thompson sampling, balanced, 60 seconds, no keys."""
    settings = Settings.load({}, None)
    assert (settings.policy, settings.optimize_for, settings.encoder) == (
        "thompson",
        "balanced",
        "auto",
    )
    assert (settings.timeout, settings.budget, settings.models) == (60.0, None, None)
    assert settings.api_keys == {}
    assert settings.base_urls == {"lmstudio": "http://localhost:1234/v1"}
    assert settings.database_path == settings.data_dir / "conduit.db"
    assert {entry.origin for entry in settings.entries()} == {"default"}


def test_default_folders_belong_to_the_user(monkeypatch, tmp_path):
    """Data and cache default to the user's own folders, and loading creates nothing."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "d"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    settings = Settings.load({}, None)
    assert settings.data_dir.name == settings.cache_dir.name == "conduit"
    assert settings.data_dir != settings.cache_dir
    assert list(tmp_path.iterdir()) == []


def test_database_follows_the_data_folder():
    """The SQLite file lies in the data folder unless a path is given."""
    assert Settings.load({"CONDUIT_DATA_DIR": "/d"}, None).database_path == Path("/d/conduit.db")
    own = Settings.load({"CONDUIT_DATA_DIR": "/d", "CONDUCTOR_DB_PATH": "mine.db"}, None)
    assert own.database_path == Path("mine.db")


def test_values_are_typed():
    """Text becomes numbers, switches, names, paths and objects."""
    environ = {
        "CONDUIT_MODELS": "gpt-4o-mini, gpt-4o,",
        "CONDUIT_BUDGET": "2.35e-4",
        "CONDUIT_SEED": "7",
        "CONDUIT_OFFLINE": "On",
        "CONDUIT_OPTIMIZE_FOR": "QUALITY",
        "LOG_LEVEL": "warn",
        "LITELLM_DEBUG": "1",
        "CONDUIT_REGISTRY": "~/models.yaml",
        "CONDUCTOR_PRICING_JSON": '{"gpt-4o-mini":{"input":0.15,"output":0.60}}',
        "OPENAI_BASE_URL": "http://localhost:1234/v1",
    }
    settings = Settings.load(environ, None)
    assert settings.models == ("gpt-4o-mini", "gpt-4o")
    assert (settings.budget, settings.seed, settings.offline) == (2.35e-4, 7, True)
    assert (settings.optimize_for, settings.log_level, settings.debug) == (
        "quality",
        "WARNING",
        True,
    )
    assert settings.registry == Path.home() / "models.yaml"
    assert settings.pricing_json == {"gpt-4o-mini": {"input": 0.15, "output": 0.60}}
    assert settings.base_urls["openai"] == "http://localhost:1234/v1"


@pytest.mark.parametrize(
    ("variable", "text", "remedy"),
    [
        ("CONDUIT_TIMEOUT", "abc", "seconds"),
        ("CONDUIT_TIMEOUT", "0", "seconds"),
        ("CONDUIT_TIMEOUT", "inf", "seconds"),
        ("LITELLM_TIMEOUT", "-1", "seconds"),
        ("CONDUIT_BUDGET", "-0.01", "USD"),
        ("CONDUIT_BUDGET", "nan", "USD"),
        ("CONDUIT_OFFLINE", "maybe", "true, false"),
        ("LITELLM_MLFLOW_ENABLED", "2", "true, false"),
        ("CONDUIT_SEED", "1.5", "whole number"),
        ("CONDUIT_SEED", "-1", "whole number"),
        ("OPENAI_MAX_TOKENS", "0", "at least 1"),
        ("OPENAI_TEMPERATURE", "3", "from 0 to 2"),
        ("TRACELOOP_TRACE_RATE", "1.01", "from 0 to 1"),
        ("CONDUIT_OPTIMIZE_FOR", "cheap", "balanced, quality, cost, speed"),
        ("MODEL_REASONING", "extreme", "low, medium, high"),
        ("LOG_LEVEL", "loud", "DEBUG, INFO"),
        ("CONDUIT_MODELS", " , ", "commas"),
        ("CONDUCTOR_PRICING_JSON", "{", "JSON object"),
        ("CONDUCTOR_PRICING_JSON", "[1]", "JSON object"),
        ("CONDUCTOR_PRICING_JSON", '{"a": 1, "a": 2}', "JSON object"),
        ("OPENAI_BASE_URL", "localhost:1234", "address"),
        ("OPENAI_BASE_URL", "http:///v1", "address"),
        ("OPENAI_BASE_URL", "http://[::1/v1", "address"),
        ("TRACELOOP_BASE_URL", "http://host:99999", "address"),
        ("OPENAI_BASE_URL", "http://host:port/v1", "address"),
        ("CONDUIT_DATA_DIR", "~nobody-of-that-name/x", "give a path"),
        ("CONDUIT_ENV_FILE", "~nobody-of-that-name/.env", "give a path"),
    ],
)
def test_unusable_values_are_refused(variable, text, remedy):
    """A bad value is one line with its variable, the value and what to write instead."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.load({variable: text}, None)
    message = str(caught.value)
    assert message.startswith(f"{variable}=")
    assert remedy in caught.value.remedy
    assert "\n" not in message
    assert caught.value.exit_code == 2


def test_plain_bad_value_is_quoted():
    """A value that is no secret is shown in its error."""
    with pytest.raises(ConfigurationError, match="CONDUIT_TIMEOUT='abc'"):
        Settings.load({"CONDUIT_TIMEOUT": "abc"}, None)


def test_repr_shows_what_differs_from_the_default():
    """repr names what was set, and leaves out the rest."""
    settings = Settings.load({"CONDUIT_POLICY": "linucb", "CONDUIT_OFFLINE": "1"}, None)
    assert "policy='linucb', offline='true'" in repr(settings).replace(
        f"data_dir={str(settings.data_dir)!r}, ", ""
    ).replace(f"cache_dir={str(settings.cache_dir)!r}, ", "").replace(
        f"database_path={str(settings.database_path)!r}, ", ""
    )
    assert "encoder" not in repr(settings)


def test_entries_show_values_as_they_are_written():
    """What conduit config prints for a value would, in the environment, mean that value."""
    environ = {
        "CONDUIT_MODELS": "a,b",
        "CONDUIT_MODELS_JSON": '{"cheap": "a"}',
        "CONDUIT_OFFLINE": "true",
        "CONDUIT_BUDGET": "0.000235",
        "CONDUIT_REGISTRY": "models/own.yaml",
        "CONDUIT_SEED": "3",
    }
    shown = {entry.variable: entry.value for entry in Settings.load(environ, None).entries()}
    assert {variable: shown[variable] for variable in environ} == environ
    assert shown["CONDUIT_BASELINE"] is None


def test_import_is_light():
    """Importing settings loads neither pydantic nor numpy nor anything read only on demand."""
    heavy = ["pydantic", "numpy", "yaml", "dotenv", "platformdirs", "sqlalchemy"]
    code = f"import conduit.settings, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
