"""Subscribers to the engine's events: OpenTelemetry, Prometheus, logs. Parts receive values."""
