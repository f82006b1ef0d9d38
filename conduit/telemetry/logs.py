"""Log lines: JSON or text, one per event, with the request they belong to and without secrets."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from conduit.core.events import Decided, Event, Executed
from conduit.core.requests import request_id
from conduit.telemetry.journey import Journey, Outcome, result_of
from conduit.telemetry.secrets import Mask

LOGGER = "conduit.requests"
"""Name of the logger that lines go to."""

_LEVELS = MappingProxyType(
    {
        Outcome.ANSWERED: logging.INFO,
        Outcome.CACHED: logging.INFO,
        Outcome.CANCELLED: logging.INFO,
        Outcome.REFUSED: logging.WARNING,
        Outcome.FAILED: logging.ERROR,
    }
)


class EventLog:
    """Logs decisions and calls (calls that failed as warnings), and queries that have ended.

    What a line says is in its fields: never a prompt, an answer, or what an error quotes of them.

    Args:
        logger: takes the lines.
        calls: level of decisions, and of calls that went well.
    """

    def __init__(self, logger: logging.Logger, *, calls: int = logging.DEBUG) -> None:
        self._logger = logger
        self._calls = calls

    def __call__(self, event: Event) -> None:
        """Log an event."""
        if isinstance(event, Decided):
            decision = event.decision
            self._say(
                self._calls,
                "decided",
                decision_id=decision.id,
                model=decision.selected_model,
                policy=decision.policy,
                propensity=decision.propensity,
            )
        elif isinstance(event, Executed):
            it = event.execution
            self._say(
                self._calls if it.failure is None else logging.WARNING,
                "attempt",
                decision_id=it.decision_id,
                model=it.arm,
                attempt=it.attempt,
                outcome=result_of(it),
                status=event.status,
                cost=it.cost,
                latency=it.latency,
            )

    def ended(self, journey: Journey) -> None:
        """Log a query that has ended."""
        response, error = journey.response, journey.error
        self._say(
            _LEVELS[journey.outcome],
            "request",
            decision_id=journey.decision_id,
            model=journey.model,
            provider=journey.provider,
            outcome=journey.outcome.value,
            error=type(error).__name__ if error is not None else None,
            cost=journey.cost,
            saved=response.saved if response else None,
            input_tokens=response.input_tokens if response else None,
            output_tokens=response.output_tokens if response else None,
            latency=journey.ended_at - journey.started_at,
            overhead=journey.overhead,
            attempts=len(journey.attempts),
        )

    def _say(self, level: int, event: str, **fields: object) -> None:
        if self._logger.isEnabledFor(level):
            known = {name: value for name, value in fields.items() if value is not None}
            self._logger.log(level, event, extra={"fields": known})


class _Lines(logging.Formatter):
    """What both kinds of line have in common.

    Args:
        mask: hides secrets.
    """

    def __init__(self, mask: Mask | None = None) -> None:
        super().__init__()
        self._mask = mask or Mask()

    def _said(self, record: logging.LogRecord) -> dict[str, Any]:
        """The line's fields, secrets hidden; of an exception its class and place, not its words."""
        said: dict[str, Any] = {
            "time": _written(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            said["exception"] = record.exc_info[0].__name__
            said["trace"] = " ".join("".join(traceback.format_tb(record.exc_info[2])).split())
        return {name: self._hidden(value) for name, value in said.items() if value is not None}

    def _hidden(self, value: object) -> object:
        return self._mask(value) if isinstance(value, str) else value


class JsonLines(_Lines):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        return json.dumps(self._said(record), ensure_ascii=False, default=str)


class TextLines(_Lines):
    """Time, level and message, then fields as ``name=value``, on one line.

    Args:
        mask: hides secrets.
        loud: write the level in capitals.
    """

    def __init__(self, mask: Mask | None = None, *, loud: bool = False) -> None:
        super().__init__(mask)
        self._loud = loud

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        said = self._said(record)
        if self._loud:
            said["level"] = record.levelname
        head = [said.pop(name) for name in ("time", "level", "logger", "message")]
        return " ".join([*head, *pairs(said)]).replace("\n", " ").replace("\r", " ")


def formatter_of(log_format: str, *, mask: Mask | None = None) -> logging.Formatter:
    """The formatter for ``json`` or ``text``."""
    return JsonLines(mask) if log_format == "json" else TextLines(mask)


def pairs(fields: Mapping[str, object]) -> list[str]:
    """Fields as ``name=value``."""
    return [
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in fields.items()
    ]


def _written(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
