"""What settings say of telemetry, opened."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from conduit.core.clocks import SystemClock
from conduit.core.ports import Clock
from conduit.core.version import __version__
from conduit.settings import SETTINGS, Settings
from conduit.settings.masking import passwords_in
from conduit.telemetry.logs import LOGGER, formatter_of
from conduit.telemetry.mlflow_traces import Mlflow
from conduit.telemetry.opening import Telemetry, open_telemetry
from conduit.telemetry.otlp import receiver_of
from conduit.telemetry.secrets import Mask
from conduit.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_TRACES_WAIT = 2.0
_MLFLOW_WAIT = 15.0
"""Its client alone takes seconds to load."""


def telemetry_from(
    settings: Settings,
    *,
    registry: CollectorRegistry | None = None,
    clock: Clock | None = None,
    logs: bool = True,
) -> Telemetry:
    """Log lines, traces where they are switched on, and totals where there is a registry.

    Args:
        settings: say what is switched on.
        registry: where totals live; None counts nothing.
        clock: the router's own; None is the system's.
        logs: whether events are logged; every call is where ``debug`` is on.

    Raises:
        ConfigurationError: for tracing whose libraries are missing.
    """
    return open_telemetry(
        clock=clock or SystemClock(),
        tracing=tracing_from(settings),
        mlflow=mlflow_from(settings),
        registry=registry,
        logger=logging.getLogger(LOGGER) if logs else None,
        calls=logging.INFO if settings.debug else logging.DEBUG,
        secrets=secrets_of(settings),
    )


def traces_wait(settings: Settings) -> float:
    """Seconds that a command or program waits at its end for its traces to be taken."""
    return _MLFLOW_WAIT if settings.mlflow_enabled else _TRACES_WAIT


def tracing_from(settings: Settings) -> Tracing | None:
    """How traces are made; None where they are switched off.

    Raises:
        ConfigurationError: for an address of a receiver that cannot be used.
    """
    if not settings.otel_enabled:
        return None
    return Tracing(
        receiver=receiver_of(
            endpoint=settings.otel_endpoint,
            traces_endpoint=settings.otel_traces_endpoint,
            protocol=settings.otel_protocol,
        ),
        rate=settings.otel_trace_rate,
        service=settings.otel_service_name,
        version=__version__,
        environment=settings.environment,
        prompts=settings.trace_prompts,
    )


def mlflow_from(settings: Settings) -> Mlflow | None:
    """Where MLflow keeps traces; None where that is switched off.

    Prompts and answers are what MLflow is for: they are told, unless that was said not to be.
    """
    if not settings.mlflow_enabled:
        return None
    databricks = {
        "DATABRICKS_HOST": settings.databricks_host,
        "DATABRICKS_TOKEN": settings.databricks_token,
    }
    return Mlflow(
        tracking_uri=settings.mlflow_tracking_uri,
        experiment=settings.mlflow_experiment_name,
        prompts=settings.trace_prompts or "trace_prompts" not in settings.origins,
        environ={name: value for name, value in databricks.items() if value is not None},
    )


def log_formatter_from(settings: Settings) -> logging.Formatter:
    """How log lines are written, with every secret of the settings hidden."""
    return formatter_of(settings.log_format, mask=Mask(secrets_of(settings)))


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Every secret that the settings hold: keys, tokens, and passwords inside addresses."""
    return tuple(_secrets(settings))


def _secrets(settings: Settings) -> Iterator[str]:
    for setting in SETTINGS:
        value = getattr(settings, setting.name)
        for text in value if isinstance(value, tuple) else (value,):
            if not isinstance(text, str):
                continue
            if setting.secret:
                yield text
            if setting.kind.mask is not None and "://" in text:
                for password in passwords_in(text):
                    yield from (password, unquote(password))
    for keys in (settings.api_key, settings.admin_key):  # each of a list opens the server alone
        yield from (key.strip() for key in (keys or "").split(","))
    yield from settings.api_keys.values()
