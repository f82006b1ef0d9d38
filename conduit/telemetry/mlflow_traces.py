"""Traces for MLflow: what was asked and answered, tokens, cost, times and errors of every query.

MLflow's own client writes them, so whatever it can reach will do: a server, a database in a local file,
Databricks. It keeps its address for the whole process, as MLflow always does, and is used by one thread.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conduit.core.errors import ConfigurationError
from conduit.core.models import Query
from conduit.core.outcomes import Response
from conduit.core.ports import Clock
from conduit.telemetry.delivery import Delivery
from conduit.telemetry.journey import Attempt, Journey
from conduit.telemetry.journeys import Journeys
from conduit.telemetry.mlflow_content import answered, asked, shortened
from conduit.telemetry.secrets import HIDDEN
from conduit.telemetry.spans import (
    attempt_attributes,
    error_type,
    nanoseconds,
    query_attributes,
    told,
)

if TYPE_CHECKING:
    from mlflow.entities import LiveSpan
    from opentelemetry.sdk.trace.export import SpanExportResult

_LOCAL = "mlflow.db"
"""Database in a folder that is named as MLflow's store, and in the working folder where none is."""
_SAME_THREAD = {"MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false"}
"""Its threads would hold up the end of the process where a server is away; here a thread waits already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mlflow:
    """Where MLflow keeps traces.

    Args:
        tracking_uri: a server, a database, ``databricks``, or a folder, which is given a SQLite file;
            None takes ``mlflow.db`` in the working folder, as MLflow does.
        experiment: that they belong to; made where it does not exist.
        prompts: whether prompts and answers are told.
        environ: variables that MLflow's client reads, such as a Databricks token; those that are set
            already stay.
    """

    tracking_uri: str | None = None
    experiment: str = "conduit"
    prompts: bool = True
    environ: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> str:
        """The address as MLflow takes it."""
        given = self.tracking_uri
        if given is not None and ("://" in given or given == "databricks"):
            return given
        folder = Path(given or ".").absolute()
        return f"sqlite:///{folder / _LOCAL}"

    @property
    def shown(self) -> str:
        """The address without user, password and query; hidden where one may be part of another."""
        scheme, mark, rest = self.place.partition("://")
        user, _, where = rest.rpartition("@")
        return f"{scheme}{mark}{HIDDEN if '?' in user else where.partition('?')[0]}"

    @property
    def is_local(self) -> bool:
        """Whether this process opens a database itself."""
        return not self.place.startswith(("http://", "https://", "databricks"))

    def check_installed(self) -> None:
        """Say what is missing, before anything is made.

        Raises:
            ConfigurationError: without MLflow's client, or without the whole of it for a local store.
        """
        if find_spec("mlflow") is None:
            raise ConfigurationError(
                "MLflow's client is not installed",
                remedy="run: pip install 'conduit-router[observability]'",
            )
        if self.is_local and not _has_all_of_mlflow():
            raise ConfigurationError(
                f"MLflow's store at {self.shown} needs the whole of MLflow",
                remedy="run: pip install mlflow, or name a server in MLFLOW_TRACKING_URI",
            )


def open_mlflow(
    where: Mlflow, *, clock: Clock, mask: Callable[[str], str]
) -> tuple[Journeys, Delivery[Journey]]:
    """What follows queries for MLflow, and what delivers them.

    Args:
        where: they are kept.
        clock: the router's own.
        mask: hides secrets in a text.

    Raises:
        ConfigurationError: where the libraries are missing.
    """
    where.check_installed()

    def prompt(query: Query) -> str:
        return mask(asked(query))

    def answer(response: Response) -> str:
        return mask(answered(response))

    exporter = MlflowExporter(where, answer=answer if where.prompts else None, mask=mask)
    delivery: Delivery[Journey] = Delivery(exporter, receiver=f"MLflow at {where.shown}")

    def keep(journey: Journey) -> None:
        response = journey.response
        delivery.add(replace(journey, response=response and shortened(response)))

    return Journeys([keep], clock=clock, prompt=prompt if where.prompts else None), delivery


class MlflowExporter:
    """Writes queries that have ended to MLflow.

    Args:
        where: they are kept.
        answer: writes down what was answered; None tells nothing of it.
        mask: hides secrets in a text.
    """

    def __init__(
        self,
        where: Mlflow,
        *,
        answer: Callable[[Response], str] | None,
        mask: Callable[[str], str],
    ) -> None:
        self._where = where
        self._answer = answer
        self._mask = mask
        self._experiment: str | None = None

    def export(self, journeys: Sequence[Journey]) -> SpanExportResult:
        """Write some; fails while the store is out of reach."""
        import mlflow  # noqa: PLC0415 - an extra, and slow to load
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415 - an extra

        try:
            if self._experiment is None:
                self._experiment = self._open()
            for journey in journeys:
                self._write(journey)
            mlflow.flush_trace_async_logging()
        except mlflow.MlflowException:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing is left open: every batch is flushed."""

    def _open(self) -> str:
        import mlflow  # noqa: PLC0415 - an extra

        for name, value in (_SAME_THREAD | self._where.environ).items():
            os.environ.setdefault(name, value)
        if self._where.place.startswith("sqlite:///"):
            Path(self._where.place.removeprefix("sqlite:///")).parent.mkdir(
                parents=True, exist_ok=True
            )
        mlflow.set_tracking_uri(self._where.place)
        return str(mlflow.set_experiment(self._where.experiment).experiment_id)

    def _write(self, journey: Journey) -> None:
        import mlflow  # noqa: PLC0415 - an extra

        span = mlflow.start_span_no_context(
            f"chat {journey.model}" if journey.model else "chat",
            span_type="CHAT_MODEL",
            inputs=None if journey.prompt is None else json.loads(journey.prompt),
            attributes={
                **told(query_attributes(replace(journey, prompt=None))),
                **_of_mlflow(journey),
            },
            experiment_id=self._experiment,
            start_time_ns=nanoseconds(journey.started_at),
        )
        for attempt in journey.attempts:
            _write_attempt(attempt, parent=span)
        response, answer = journey.response, self._answer
        span.end(
            outputs=None if response is None or answer is None else json.loads(answer(response)),
            attributes=None if response is not None else {"error": self._reason(journey)},
            status="ERROR" if response is None else "OK",
            end_time_ns=nanoseconds(journey.ended_at),
        )

    def _reason(self, journey: Journey) -> str:
        """Why there is no answer: in words, where prompts are told, which they may quote."""
        if journey.error is None or self._answer is None:
            return error_type(journey.error)
        return self._mask(str(journey.error))


def _write_attempt(attempt: Attempt, *, parent: LiveSpan) -> None:
    import mlflow  # noqa: PLC0415 - an extra

    span = mlflow.start_span_no_context(
        f"attempt {attempt.execution.arm}",
        span_type="LLM",
        parent_span=parent,
        attributes=told(attempt_attributes(attempt)),
        start_time_ns=nanoseconds(attempt.execution.started_at),
    )
    failed = attempt.execution.failure is not None
    span.end(status="ERROR" if failed else "OK", end_time_ns=nanoseconds(attempt.ended_at))


def _of_mlflow(journey: Journey) -> dict[str, Any]:
    """What MLflow adds up: tokens of the answer, and what all its attempts did cost."""
    said: dict[str, Any] = {"mlflow.llm.cost": _cost(journey.cost)}
    if journey.model is not None:
        said["mlflow.llm.model"] = journey.model
    if journey.provider is not None:
        said["mlflow.llm.provider"] = journey.provider
    response = journey.response
    if response is not None and not response.cached and response.input_tokens is not None:
        given, taken = response.input_tokens, response.output_tokens or 0
        said["mlflow.chat.tokenUsage"] = {
            "input_tokens": given,
            "output_tokens": taken,
            "total_tokens": given + taken,
        }
    return said


def _cost(usd: float) -> dict[str, float]:
    """The total alone is known: what a provider bills is one figure."""
    return {"input_cost": 0.0, "output_cost": 0.0, "total_cost": usd}


def _has_all_of_mlflow() -> bool:
    try:
        version("mlflow")
    except PackageNotFoundError:
        return False
    return True
