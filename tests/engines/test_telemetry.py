"""What settings say of telemetry, opened."""

from __future__ import annotations

import logging
import sys

import pytest

from conduit.core.errors import ConfigurationError
from conduit.engines.telemetry import (
    log_formatter_from,
    secrets_of,
    telemetry_from,
    tracing_from,
)
from conduit.settings import Settings
from conduit.telemetry.otlp import receiver_of

ON = {"LITELLM_OTEL_ENABLED": "true"}


def receiver(**environ: str) -> tuple[str, str]:
    """Address and protocol that an environment means."""
    tracing = tracing_from(Settings.load(ON | environ, None))
    assert tracing is not None
    return tracing.receiver.address, tracing.receiver.protocol.value


def test_traces_are_off_unless_switched_on() -> None:
    """An address alone sends nothing anywhere."""
    settings = Settings.load({"TRACELOOP_BASE_URL": "http://h:4317"}, None)
    assert tracing_from(settings) is None
    assert not telemetry_from(settings).deliveries


def test_the_variables_of_other_programs_choose_the_receiver() -> None:
    """Port 4317 or the protocol speaks gRPC, else it is HTTP, with the path for traces."""
    grpc, http = "grpc", "http/protobuf"
    assert receiver(TRACELOOP_BASE_URL="http://h:4317") == ("http://h:4317/", grpc)
    assert receiver(TRACELOOP_BASE_URL="http://h:4318") == ("http://h:4318/v1/traces", http)
    assert receiver(OTEL_EXPORTER_OTLP_ENDPOINT="http://h", OTEL_EXPORTER_OTLP_PROTOCOL="grpc") == (
        "http://h/",
        grpc,
    )
    assert receiver(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://h", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://t/own"
    ) == ("http://t/own", http)
    assert receiver(
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="http/protobuf"
    ) == ("http://localhost:4318/v1/traces", http)


def test_rate_name_and_prompts_are_honoured() -> None:
    """The share of queries, the service's name and whether prompts are told come from settings."""
    environ = ON | {
        "TRACELOOP_TRACE_RATE": "0.25",
        "OTEL_SERVICE_NAME": "shop",
        "CONDUIT_TRACE_PROMPTS": "on",
    }
    tracing = tracing_from(Settings.load(environ, None))
    assert tracing is not None
    assert (tracing.rate, tracing.service, tracing.prompts) == (0.25, "shop", True)
    silent = tracing_from(Settings.load(ON, None))
    assert silent is not None
    assert not silent.prompts


def test_a_protocol_or_port_that_is_none_is_refused() -> None:
    """One line names the remedy; a password in an address is not repeated."""
    with pytest.raises(ConfigurationError, match="choose one of: grpc, http/protobuf"):
        receiver(OTEL_EXPORTER_OTLP_PROTOCOL="http/json")
    with pytest.raises(ConfigurationError, match="give an address") as caught:
        receiver(TRACELOOP_BASE_URL="http://u:canary@h:99999")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf", None])
@pytest.mark.parametrize("name", ["endpoint", "traces_endpoint"])
def test_a_receiver_at_no_port_is_refused(protocol: str | None, name: str) -> None:
    """Whatever the protocol, and without repeating the password."""
    with pytest.raises(ConfigurationError, match="no port") as caught:
        receiver_of(**{name: "http://u:canary@h:99999"}, protocol=protocol)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("password", ["[hunter2secret]", "[hunter2secret", "hunter2/secret"])
def test_any_password_is_hidden_whatever_the_address(password: str) -> None:
    """An address that nobody can read stops nothing, and its password is hidden all the same."""
    settings = Settings(database_url=f"postgresql://postgres:{password}@host:5432/postgres")
    assert password in secrets_of(settings)


def test_every_key_of_a_list_is_hidden() -> None:
    """Several keys of the server stand in one setting; each alone is a secret, and is masked."""
    settings = Settings(api_key="key-of-anna, key-of-bert", admin_key="root-one,,root-two")
    assert {"key-of-anna", "key-of-bert", "root-one", "root-two"} <= {*secrets_of(settings)}
    line = logging.makeLogRecord({"name": "conduit", "msg": "sent key-of-bert and root-one"})
    assert "key-of" not in (said := log_formatter_from(settings).format(line))
    assert "root-one" not in said


def test_missing_libraries_are_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracing without its extra says how to install it; without tracing nothing is missed."""
    for name in [*sys.modules]:
        if name.partition(".")[0] == "opentelemetry":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'conduit-router\[observability\]'"):
        telemetry_from(Settings.load(ON, None))
    assert not telemetry_from(Settings()).deliveries
