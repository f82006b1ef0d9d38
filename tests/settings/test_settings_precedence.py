"""Which of several sources wins."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.core.errors import ConfigurationError
from conduit.settings import SETTINGS, Settings

NAMES = st.text("abcdefghij", min_size=1, max_size=12)


def origin_of(settings, name):
    """Where `conduit config` says a setting came from."""
    return next(entry.origin for entry in settings.entries() if entry.name == name)


@pytest.fixture
def env_file(tmp_path):
    """Writes a .env file and returns its path."""

    def write(text):
        path = tmp_path / ".env"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@given(
    candidates=st.fixed_dictionaries(
        {},
        optional={
            ("environment", "CONDUIT_REDIS_URL"): NAMES,
            ("environment", "REDIS_URL"): NAMES,
            (".env", "CONDUIT_REDIS_URL"): NAMES,
            (".env", "REDIS_URL"): NAMES,
        },
    )
)
def test_environment_wins_then_own_name_wins(tmp_path_factory, candidates):
    """The order is environment before file, and in each the CONDUIT name before its alias."""
    path = tmp_path_factory.mktemp("env") / ".env"
    written = {key: f"redis://{host}" for key, host in candidates.items()}
    lines = [f"{name}={url}" for (place, name), url in written.items() if place == ".env"]
    path.write_text("\n".join(lines), encoding="utf-8")
    environ = {name: url for (place, name), url in written.items() if place == "environment"}
    settings = Settings.load(environ, path)
    order = [
        ("environment", "CONDUIT_REDIS_URL", "environment"),
        ("environment", "REDIS_URL", "alias REDIS_URL"),
        (".env", "CONDUIT_REDIS_URL", ".env"),
        (".env", "REDIS_URL", "alias REDIS_URL in .env"),
    ]
    winner = next((step for step in order if step[:2] in written), None)
    assert settings.redis_url == (written[winner[:2]] if winner else None)
    assert origin_of(settings, "redis_url") == (winner[2] if winner else "default")


def test_google_key_precedes_gemini_key():
    """Both names of Google's key are read, GOOGLE_API_KEY first."""
    assert Settings.load({"GEMINI_API_KEY": "gem"}, None).api_keys == {"google": "gem"}
    both = {"GEMINI_API_KEY": "gem", "GOOGLE_API_KEY": "goo"}
    assert Settings.load(both, None).api_keys == {"google": "goo"}


def test_empty_counts_as_unset(env_file):
    """Empty and blank text fall through to the next source."""
    path = env_file("CONDUIT_POLICY=linucb\nCONDUIT_ENCODER\nCONDUIT_SEED=\n")
    settings = Settings.load({"CONDUIT_POLICY": "  "}, path)
    assert (settings.policy, settings.encoder, settings.seed) == ("linucb", "auto", None)


def test_env_file_variable_names_another_file(tmp_path, env_file):
    """CONDUIT_ENV_FILE replaces the .env of the working folder."""
    other = tmp_path / "other.env"
    other.write_text("\ufeffCONDUIT_POLICY=ucb1\n", encoding="utf-8")
    first = env_file("CONDUIT_POLICY=linucb\n")
    assert Settings.load({}, first).policy == "linucb"
    assert Settings.load({"CONDUIT_ENV_FILE": str(other)}, first).policy == "ucb1"


def test_named_file_must_exist(tmp_path):
    """A missing .env is fine; a missing file that was named is an error with its path."""
    assert Settings.load({}, tmp_path / ".env") == Settings()
    with pytest.raises(ConfigurationError, match=r"CONDUIT_ENV_FILE='.*absent' is no file"):
        Settings.load({"CONDUIT_ENV_FILE": str(tmp_path / "absent")}, tmp_path / ".env")


def test_file_that_is_no_text_is_an_error(tmp_path):
    """A file that is not UTF-8 is named in one line."""
    path = tmp_path / ".env"
    path.write_bytes(b"CONDUIT_POLICY=\xff\xfe\n")
    with pytest.raises(ConfigurationError, match=r"UnicodeDecodeError.*UTF-8") as caught:
        Settings.load({}, path)
    assert "\n" not in str(caught.value)


def test_dollar_sign_stays_as_written(env_file):
    """A password that contains ${…} reaches the server unchanged."""
    path = env_file("CONDUIT_GROQ_API_KEY=pa$${HOME}x\n")
    assert Settings.load({"HOME": "/root"}, path).api_keys["groq"] == "pa$${HOME}x"


def test_none_reads_no_file(tmp_path, monkeypatch):
    """Without a file argument only the environment counts, whatever lies in the folder."""
    (tmp_path / ".env").write_text("CONDUIT_POLICY=linucb\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert Settings.load({}, None).policy == "thompson"
    assert Settings.load({}).policy == "linucb"


def test_process_environment_is_the_default(monkeypatch, tmp_path):
    """load() without arguments sees the live environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONDUIT_TIMEOUT", "7.5")
    assert Settings.load().timeout == 7.5


def test_every_variable_reaches_its_setting():
    """Each variable in the table, alone, changes exactly its own setting."""
    samples = {
        "comma list": "a,b", "path": "/tmp/x", "JSON object": '{"m": {}}', "true / false": "yes",
        "URL": "db://h/x", "HTTP URL": "http://h/x", "path or URL": "./runs", "seconds > 0": "9",
        "USD > 0": "0.5", "0..1": "0.5", "above 0, at most 1": "0.5", "0..2": "1.5", "whole number >= 0": "8",
        "whole number >= 1": "8", "text": "some",
    }  # fmt: skip
    derived = {"data_dir": {"database_path"}}
    untouched = Settings()
    for setting in SETTINGS:
        text = samples.get(setting.kind.name) or setting.kind.name.split(" / ")[-1]
        for variable in setting.variables:
            settings = Settings.load({variable: text}, None)
            changed = {
                other.name
                for other in SETTINGS
                if getattr(settings, other.name) != getattr(untouched, other.name)
            } - derived.get(setting.name, set())
            assert changed <= {setting.name}, variable
            assert setting.name in settings.origins, variable


def test_placeholder_falls_through_with_a_warning(env_file, caplog):
    """A placeholder in the environment does not hide a real key in the file."""
    path = env_file("OPENAI_API_KEY=real-value\n")
    with caplog.at_level(logging.WARNING, logger="conduit.settings"):
        settings = Settings.load({"OPENAI_API_KEY": "your_openai_key_here"}, path)
    assert settings.api_keys == {"openai": "real-value"}
    (record,) = caplog.records
    assert "OPENAI_API_KEY" in record.getMessage()
    assert "your_openai" not in record.getMessage()
