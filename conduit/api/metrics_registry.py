"""Where totals for Prometheus live."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def available() -> bool:
    """Whether Prometheus's client is installed."""
    return find_spec("prometheus_client") is not None


def open_registry() -> CollectorRegistry | None:
    """Where totals live, with the process's own; None without Prometheus's client."""
    if not available():
        return None
    from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415 - an extra

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry
