"""Secrets never show, and stand-ins never count."""

import dataclasses
import logging
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.core.errors import ConfigurationError
from conduit.settings import SETTINGS, Settings
from conduit.settings.masking import MASK, is_placeholder, mask_place, mask_url, passwords_in

SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=8).map(
    lambda tail: f"Qz9{tail}"
)
"""Text that occurs nowhere else in what is shown: names, defaults and paths lack 'Qz9'."""

SECRET_TEXTS = [s for s in SETTINGS if s.secret and s.kind.mask is None]
URLS = [s for s in SETTINGS if s.kind.mask is not None]


def shown_after(environ):
    """Everything people may get to see when these variables are read, be they usable or not."""
    try:
        return shown_by(Settings.load(environ, None))
    except ConfigurationError as error:
        return str(error)


def shown_by(settings):
    """Everything people may get to see of settings."""
    entries = "\n".join(map(repr, settings.entries()))
    return f"{settings!r} {settings} {settings.api_keys!r} {settings.base_urls!r} {entries}"


@given(secrets=st.lists(SECRETS, min_size=len(SECRET_TEXTS), max_size=len(SECRET_TEXTS)))
def test_no_secret_is_ever_shown(secrets):
    """No key appears in repr, str or entries, from whichever variable it came."""
    held = [s for s in secrets if not is_placeholder(s.strip())]
    environ = {
        setting.variables[-1]: secret for setting, secret in zip(SECRET_TEXTS, secrets, strict=True)
    }
    shown = shown_by(Settings.load(environ, None))
    assert not [secret for secret in held if secret in shown]
    assert MASK in shown


@settings(max_examples=30)
@given(secret=SECRETS, user=st.sampled_from(["", "me"]), tail=st.sampled_from(["", "/db", ":5/db"]))
def test_no_password_in_an_address_is_ever_shown(secret, user, tail):
    """A password inside any address stays hidden, escaped or not, and so does a query."""
    for setting in URLS:
        for url in (f"http://{user}:{secret}@host{tail}", f"http://host{tail}?key={secret}"):
            assert secret not in shown_after({setting.variable: url})


@given(text=SECRETS)
def test_unreadable_address_is_hidden_whole(text):
    """What cannot be taken apart safely is not shown in part."""
    assert text not in mask_url(f"postgresql://user:{text}")
    assert text not in mask_url(f"user:{text}@host")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379", "redis://localhost:6379"),
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("postgresql://me:pw@host:5432/db", f"postgresql://me:{MASK}@host:5432/db"),
        ("postgresql://me:p@s/s?w#d@host/db", f"postgresql://me:{MASK}@host/db"),
        ("https://token@host/x", f"https://{MASK}@host/x"),
        ("https://host/x?token=1", f"https://host/x?{MASK}"),
        ("sqlite:///some/file.db", "sqlite:///some/file.db"),
    ],
)
def test_addresses_stay_recognisable(url, shown):
    """Host, port, path and user of an address are shown, and nothing secret."""
    assert mask_url(url) == mask_place(url) == shown


@pytest.mark.parametrize("path", ["./mlruns", "databricks", "/var/lib/runs"])
def test_paths_are_shown_where_a_path_may_stand(path):
    """A path is no secret, but in the place of an address it is something unknown, and hidden."""
    assert mask_place(path) == path
    assert mask_url(path) == MASK


def test_bad_secret_is_not_quoted_in_its_error():
    """An error about a secret value names the variable and hides the value."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.load({"REDIS_URL": "hunter2" * 2}, None)
    assert str(caught.value).startswith(f"REDIS_URL={MASK!r} cannot be used; give an address")
    assert "hunter2hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("password", ["[hunter2secret]", "hunter2[secret", "hunter2]secret"])
@pytest.mark.parametrize("setting", URLS)
def test_a_bracket_in_a_password_is_refused(setting, password):
    """No library could read such an address; the line says how to write it, and not the password."""
    with pytest.raises(ConfigurationError, match=r"write \[ as %5B, and \] as %5D") as caught:
        Settings.load({setting.variable: f"https://me:{password}@host:5432/db"}, None)
    assert str(caught.value).startswith(setting.variable)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://me:hunter2secret@[::1]:1234/v1", "http://[::1]:1234/v1"])
def test_brackets_of_a_host_are_kept(url):
    """An address of IPv6 is one like any other."""
    assert Settings.load({"OPENAI_BASE_URL": url}, None).openai_base_url == url


@pytest.mark.parametrize(
    ("url", "passwords"),
    [
        ("postgresql://me:[pw@host/db", {"[pw"}),
        ("postgresql://me:p@s/s@host/db", {"p", "p@s/s"}),
        ("https://me:pw@host/x?mail=a@b", {"pw", "pw@host/x?mail=a"}),
        ("redis://:pw@host", {"pw"}),
        ("https://host:80/x", set()),
        ("./a:b@c", set()),
    ],
)
def test_passwords_are_found_in_any_address(url, passwords):
    """One that nobody can read has its password found, however it may be meant."""
    assert set(passwords_in(url)) == passwords


def test_settings_are_frozen():
    """A loaded value cannot be changed."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().policy = "other"


@pytest.mark.parametrize(
    "text",
    [
        "your_openai_key_here", "your_anon_key_here", "your-key", "your-api-key", "your-token",
        "YOUR_GEMINI_API_KEY", "YOUR_KEY", "sk-...", "sk-or-v1-...", "sk-…", "<your key>", "<key>",
        "changeme", "CHANGE_ME", "xxx", "https://your-project.supabase.co",
        "https://your-workspace.databricks.com", "postgresql://postgres.your-project:pw@host/db",
    ],
)  # fmt: skip
def test_templates_count_as_unset(text):
    """Every stand-in of the project's own documents is recognised."""
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-4f9aYourDoe1", "gsk_yours", "AIzaSy-your-thing", "https://example.com/your-path",
        "redis://localhost:6379", "https://yourself.example", "changeme2much", "sk-a...b",
    ],
)  # fmt: skip
def test_real_values_are_kept(text):
    """A value that merely contains such a word is no stand-in."""
    assert not is_placeholder(text)


def test_only_keys_and_addresses_can_be_placeholders(caplog):
    """An experiment may be called your-something."""
    environ = {"MLFLOW_EXPERIMENT_NAME": "your-exp", "GROQ_API_KEY": "YOUR_KEY"}
    with caplog.at_level(logging.WARNING, logger="conduit.settings"):
        settings = Settings.load(environ, None)
    assert settings.mlflow_experiment_name == "your-exp"
    assert len(settings.api_keys) == 0
    assert [record.args for record in caplog.records] == [("GROQ_API_KEY",)]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres.your-project:[password]@aws-0-region.pooler.supabase.com:6543/postgres",
        "postgresql://postgres:[YOUR-PASSWORD]@db.example.co:5432/postgres",
    ],
)
def test_bracketed_password_is_refused(url):
    """A database address copied but not filled in is one clear line, not a failed login."""
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL holds .*\[password\]") as caught:
        Settings.load({"DATABASE_URL": url}, None)
    assert "\n" not in str(caught.value)
