"""Settings of operation: where things are kept, and what is said about them."""

# ruff: noqa: RUF009 - declare() makes a dataclass field

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conduit.settings.kinds import (
    ADDRESS,
    COUNT,
    HTTP,
    PATH,
    SECONDS,
    SHARE,
    SWITCH,
    TEXT,
    URL,
    choice,
)
from conduit.settings.setting import declare

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, kw_only=True, repr=False)
class StorageSettings:
    """Where things are kept."""

    data_dir: Path = declare("folder for data; unset takes the user's own data folder", PATH)
    cache_dir: Path = declare("folder for caches; unset takes the user's own cache folder", PATH)
    data: Path | None = declare("recorded data set, or a folder of them, for experiments", PATH)
    database_url: str | None = declare(
        "PostgreSQL database; unset takes the Supabase project, else the SQLite file",
        URL,
        aliases=("DATABASE_URL",),
        secret=True,
    )
    database_timeout: float | None = declare(
        "how long a statement of requests may take on PostgreSQL, locks included; unset takes 30 s, "
        "where neither the address, the role nor the database says another",
        SECONDS,
    )
    database_path: Path = declare(
        "SQLite file; unset takes conduit.db in the data folder",
        PATH,
        aliases=("CONDUCTOR_DB_PATH",),
    )
    offline_database: str | None = declare(
        "database of scripted models, in the place of all others; unset takes offline.db in the "
        "data folder",
        ADDRESS,
    )
    store_prompts: bool = declare(
        "keep the text of prompts with their decisions, as a rebuild with another encoder needs it",
        SWITCH,
        default=False,
    )
    redis_url: str | None = declare(
        "Redis server for caching; unset works without", URL, aliases=("REDIS_URL",), secret=True
    )
    feature_cache_bytes: int | None = declare(
        "memory for features of earlier prompts, in bytes; 0 keeps none, unset takes 16 MiB", COUNT
    )
    supabase_url: str | None = declare(
        "Supabase project, used over REST where there is no DATABASE_URL",
        HTTP,
        aliases=("SUPABASE_URL",),
    )
    supabase_anon_key: str | None = declare(
        "key of the Supabase project: the service role's, for row level security stops others",
        TEXT,
        aliases=("SUPABASE_ANON_KEY",),
        secret=True,
    )


@dataclass(frozen=True, kw_only=True, repr=False)
class OperationSettings:
    """How Conduit runs, and what it reports."""

    env_file: Path | None = declare(
        "file to read variables from; unset takes .env in the working folder", PATH
    )
    offline: bool = declare(
        "never download anything; scripted models answer, and what they leave is in offline.db alone",
        SWITCH,
        default=False,
    )
    environment: str = declare(
        "name of the deployment", TEXT, aliases=("ENVIRONMENT",), default="development"
    )
    log_level: str = declare(
        "least severe message that is logged",
        choice(_LEVELS, synonyms={"warn": "WARNING", "fatal": "CRITICAL"}),
        aliases=("LOG_LEVEL",),
        default="INFO",
    )
    log_format: str = declare(
        "form of log lines of the API server", choice(("text", "json")), default="text"
    )
    log_file: Path = declare(
        "file that conduit batch logs to", PATH, default=Path(".local/logs/conduit.log")
    )
    debug: bool = declare("log every model call", SWITCH, aliases=("LITELLM_DEBUG",), default=False)
    actor: str | None = declare(
        "who is on record for changes; unset takes the name of the operating system's user", TEXT
    )


@dataclass(frozen=True, kw_only=True, repr=False)
class TelemetrySettings:
    """MLflow and OpenTelemetry; both are off unless switched on."""

    mlflow_enabled: bool = declare(
        "trace model calls to MLflow", SWITCH, aliases=("LITELLM_MLFLOW_ENABLED",), default=False
    )
    mlflow_tracking_uri: str | None = declare(
        "MLflow's store: a path, a server, or databricks", ADDRESS, aliases=("MLFLOW_TRACKING_URI",)
    )
    mlflow_experiment_name: str = declare(
        "MLflow experiment", TEXT, aliases=("MLFLOW_EXPERIMENT_NAME",), default="conduit"
    )
    databricks_host: str | None = declare(
        "Databricks workspace that holds MLflow", HTTP, aliases=("DATABRICKS_HOST",)
    )
    databricks_token: str | None = declare(
        "token of the Databricks workspace", TEXT, aliases=("DATABRICKS_TOKEN",), secret=True
    )
    otel_enabled: bool = declare(
        "trace model calls to OpenTelemetry",
        SWITCH,
        aliases=("LITELLM_OTEL_ENABLED",),
        default=False,
    )
    otel_endpoint: str | None = declare(
        "OTLP receiver; HTTP adds /v1/traces to it; unset takes this machine's",
        HTTP,
        aliases=("TRACELOOP_BASE_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    )
    otel_traces_endpoint: str | None = declare(
        "OTLP receiver of traces alone, taken as it is",
        HTTP,
        aliases=("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",),
    )
    otel_protocol: str | None = declare(
        "how OTLP travels; unset takes gRPC at port 4317, else HTTP",
        choice(("grpc", "http/protobuf"), synonyms={"http": "http/protobuf"}),
        aliases=("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
    )
    otel_trace_rate: float = declare(
        "share of requests that are traced", SHARE, aliases=("TRACELOOP_TRACE_RATE",), default=1.0
    )
    otel_service_name: str = declare(
        "name of this service in traces", TEXT, aliases=("OTEL_SERVICE_NAME",), default="conduit"
    )
    trace_prompts: bool = declare(
        "tell prompts and answers in traces; unset tells them to MLflow alone, once that is on",
        SWITCH,
        default=False,
    )
    telemetry_enabled: bool = declare(
        "anonymous usage reports; Conduit itself never sends any",
        SWITCH,
        aliases=("TRACELOOP_TELEMETRY_ENABLED",),
        default=False,
    )
