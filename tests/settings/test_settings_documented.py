"""The documents and the table say the same, and every variable people know is read."""

import re
from pathlib import Path

from conduit.settings import SETTINGS, Settings

ROOT = Path(__file__).parents[2]

KNOWN_ELSEWHERE = """
ANTHROPIC_API_KEY CONDUCTOR_API_KEY CONDUCTOR_DB_PATH CONDUCTOR_MODELS_JSON CONDUCTOR_PRICING_JSON
DATABASE_URL DATABRICKS_HOST DATABRICKS_TOKEN ENVIRONMENT GEMINI_API_KEY GOOGLE_API_KEY
GROQ_API_KEY LITELLM_APP_RETRIES LITELLM_DEBUG LITELLM_MLFLOW_ENABLED LITELLM_NUM_RETRIES
LITELLM_OTEL_ENABLED LITELLM_TIMEOUT LOG_LEVEL MLFLOW_EXPERIMENT_NAME MLFLOW_TRACKING_URI
MODEL_NAME MODEL_PROVIDER MODEL_REASONING OPENAI_API_KEY OPENAI_BASE_URL OPENAI_MAX_TOKENS
OPENAI_TEMPERATURE OPENROUTER_API_KEY OTEL_SERVICE_NAME REDIS_URL SUPABASE_ANON_KEY SUPABASE_URL
TRACELOOP_BASE_URL TRACELOOP_TELEMETRY_ENABLED TRACELOOP_TRACE_RATE
"""
"""Variables of the programs whose snippets run against Conduit."""

OWN = """
MODELS POLICY OPTIMIZE_FOR BUDGET ENCODER REGISTRY PRICING BASELINE TIMEOUT DATA_DIR CACHE_DIR
SEED DATA OFFLINE ENV_FILE
"""


def documented_rows():
    """Rows of the tables of docs/CONFIGURATION.md, by variable."""
    text = (ROOT / "docs" / "CONFIGURATION.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(CONDUIT_\w+)` \| (.*) \| (.*) \| (.*) \| (.*) \|$", text, re.MULTILINE
    )
    assert len(rows) == len({row[0] for row in rows})
    return {variable: cells for variable, *cells in rows}


def test_document_and_entries_agree():
    """Every entry is documented with its description, and nothing else is."""
    rows = documented_rows()
    entries = {entry.variable: entry.description for entry in Settings().entries()}
    assert {variable: cells[3] for variable, cells in rows.items()} == entries


def test_document_states_aliases_kinds_and_defaults():
    """Names read besides, kinds of value and defaults stand in the document as in the table."""
    rows = documented_rows()
    for setting in SETTINGS:
        aliases = ", ".join(f"`{alias}`" for alias in setting.aliases) or "–"
        default = setting.show(setting.default)
        stated = [aliases, setting.kind.name, "–" if default is None else f"`{default}`"]
        assert rows[setting.variable][:3] == stated, setting.variable


def test_every_known_variable_is_read():
    """Each variable that the served programs document is an alias, and each own one exists."""
    variables = {variable for setting in SETTINGS for variable in setting.variables}
    assert set(KNOWN_ELSEWHERE.split()) <= variables
    assert {f"CONDUIT_{name}" for name in OWN.split()} <= variables


def test_no_variable_has_two_meanings():
    """A variable belongs to one setting."""
    variables = [variable for setting in SETTINGS for variable in setting.variables]
    assert len(variables) == len(set(variables))


def test_template_mentions_every_setting_and_no_other():
    """.env.example names each setting once under some name, and nothing that is not read."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE)
    owners = {variable: s.name for s in SETTINGS for variable in s.variables}
    assert sorted(owners[name] for name in named) == sorted(s.name for s in SETTINGS)


def test_untouched_template_changes_nothing(caplog):
    """A copied template leaves everything at its default and warns of each stand-in."""
    settings = Settings.load({}, ROOT / ".env.example")
    assert settings == Settings()
    assert sorted(record.args[0] for record in caplog.records) == [
        "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GROQ_API_KEY", "OPENAI_API_KEY",
        "OPENROUTER_API_KEY",
    ]  # fmt: skip
