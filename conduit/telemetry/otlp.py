"""OTLP: where traces go, in which protocol, and what sends them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from conduit.core.addresses import shown_address
from conduit.core.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

GRPC_PORT = 4317
"""The port at which OTLP receivers speak gRPC, by the specification; HTTP is at 4318."""
PATH = "/v1/traces"
EXPORT_TIMEOUT = 5.0
"""Seconds for one message with all its tries."""


class Protocol(StrEnum):
    """How OTLP travels."""

    GRPC = "grpc"
    HTTP = "http/protobuf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who takes traces.

    Args:
        address: complete, as an exporter wants it.
        protocol: how it is spoken to.
    """

    address: str
    protocol: Protocol

    @property
    def shown(self) -> str:
        """The address without user, password and query."""
        return shown_address(self.address)


def receiver_of(
    *, endpoint: str | None = None, traces_endpoint: str | None = None, protocol: str | None = None
) -> Receiver:
    """The receiver that settings describe.

    Args:
        endpoint: base address, to which HTTP adds ``/v1/traces``; None is this machine.
        traces_endpoint: address for traces alone, taken as it is; goes before ``endpoint``.
        protocol: ``grpc`` or ``http/protobuf``; None is gRPC at port 4317, else HTTP.

    Raises:
        ConfigurationError: for an address that cannot be read.
    """
    given = traces_endpoint or endpoint
    port = _port(given)
    chosen = Protocol(protocol) if protocol else _usual(port)
    if given is None:
        usual = GRPC_PORT if chosen is Protocol.GRPC else GRPC_PORT + 1
        given = f"http://localhost:{usual}"
    if chosen is Protocol.GRPC or given == traces_endpoint:
        return Receiver(address=_rooted(given), protocol=chosen)
    return Receiver(address=_below(given), protocol=chosen)


def open_exporter(receiver: Receiver) -> SpanExporter:
    """What sends spans to a receiver.

    Headers, certificates and compression are read from the ``OTEL_EXPORTER_OTLP_*`` variables by
    the exporters themselves.
    """
    if receiver.protocol is Protocol.GRPC:
        from opentelemetry.exporter.otlp.proto.grpc import (  # noqa: PLC0415 - an extra
            trace_exporter as grpc,
        )

        return grpc.OTLPSpanExporter(endpoint=receiver.address, timeout=EXPORT_TIMEOUT)
    from opentelemetry.exporter.otlp.proto.http import (  # noqa: PLC0415 - an extra
        trace_exporter as http,
    )

    return http.OTLPSpanExporter(endpoint=receiver.address, timeout=EXPORT_TIMEOUT)


def _usual(port: int | None) -> Protocol:
    return Protocol.GRPC if port == GRPC_PORT else Protocol.HTTP


def _port(address: str | None) -> int | None:
    try:
        return urlsplit(address or "").port
    except ValueError:
        raise ConfigurationError(
            "the port of the OTLP endpoint is no port",
            remedy="give one, as in http://localhost:4317",
        ) from None


def _below(address: str) -> str:
    """A base address with the path for traces, once."""
    parts = urlsplit(address)
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=path if path.endswith(PATH) else path + PATH))


def _rooted(address: str) -> str:
    """An address that names at least the root."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=parts.path or "/"))
