"""What MLflow is told of queries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from conduit.core.clocks import SystemClock
from conduit.core.errors import AllModelsFailedError, ConfigurationError, FailureKind
from conduit.core.models import Query
from conduit.core.outcomes import ModelReply
from conduit.engines.telemetry import mlflow_from, telemetry_from
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.telemetry import mlflow_traces
from conduit.telemetry.mlflow_traces import Mlflow
from conduit.telemetry.opening import open_telemetry
from tests.engines.builders import router_of
from tests.telemetry.mlflow_server import EXPERIMENT, MlflowServer, mlflow_server

WHILE = 60.0
"""Seconds that the client of MLflow is given to load and write."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowServer]:
    """A server; the client, which has one address for the whole process, forgets it afterwards."""
    import mlflow

    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with mlflow_server() as found:
        yield found
    mlflow.set_tracking_uri("")
    mlflow.tracing.reset()


async def ask(where: Mlflow, *queries: Query, client: ScriptedProvider, **settings: Any) -> bool:
    """Have queries answered, or not, and MLflow told; whether it took everything."""
    telemetry = open_telemetry(clock=SystemClock(), mlflow=where, secrets=["canary-secret"])
    options = Settings(**{"num_retries": 0, "app_retries": 0} | settings)
    async with router_of(
        client=client, policy="cheapest", settings=options, subscribers=telemetry.subscribers
    ) as router:
        for query in queries:
            with suppress(AllModelsFailedError):
                await router.complete(query, models=["cheap"])
    taken = telemetry.flush(timeout=WHILE)
    await telemetry.aclose(timeout=WHILE)
    return taken and not telemetry.deliveries[0].lost


def spans_of(trace: Any) -> list[dict[str, Any]]:
    """The spans of an uploaded trace, their attributes as values."""
    return [
        span | {"attributes": {k: json.loads(v) for k, v in span["attributes"].items()}}
        for span in trace["spans"]
    ]


async def test_prompt_answer_tokens_cost_and_parameters_are_told(server: MlflowServer) -> None:
    """A trace has what was asked and answered, under an experiment that is made where it is missing."""
    reply = ModelReply(text="It rains.", input_tokens=1000, output_tokens=500, latency=0.5)
    client = ScriptedProvider(lambda _: reply)
    query = Query("Why canary-secret?", max_tokens=900, temperature=0.3)
    where = Mlflow(tracking_uri=server.url, experiment="weather")
    assert await ask(where, query, client=client)
    assert server.made == ["weather"]
    (info,), (trace,) = server.infos, server.traces
    assert info["trace_location"]["mlflow_experiment"]["experiment_id"] == EXPERIMENT
    assert info["state"] == "OK"
    used = json.loads(info["trace_metadata"]["mlflow.trace.tokenUsage"])
    assert used == {"input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500}
    query_span, attempt = spans_of(trace)
    assert query_span["attributes"]["mlflow.spanInputs"] == {
        "messages": [{"role": "user", "content": "Why ********?"}],
        "max_tokens": 900,
        "temperature": 0.3,
    }
    (choice,) = query_span["attributes"]["mlflow.spanOutputs"]["choices"]
    assert choice["message"] == {"role": "assistant", "content": "It rains."}
    assert query_span["attributes"]["mlflow.llm.model"] == "cheap"
    cost = 1000 * 0.1e-6 + 500 * 0.4e-6
    assert query_span["attributes"]["mlflow.llm.cost"]["total_cost"] == pytest.approx(cost)
    assert attempt["name"] == "attempt cheap"
    assert attempt["parent_span_id"] == query_span["span_id"]


async def test_failures_are_told_with_their_reason(server: MlflowServer) -> None:
    """A query without an answer is a trace in error that says why, and so is its attempt."""
    client = ScriptedProvider(failures={"cheap": [FailureKind.BAD_REQUEST]})
    assert await ask(Mlflow(tracking_uri=server.url), Query("hi"), client=client)
    assert server.infos[0]["state"] == "ERROR"
    query_span, attempt = spans_of(server.traces[0])
    assert "cheap failed (bad_request)" in query_span["attributes"]["error"]
    assert attempt["attributes"]["error.type"] == "bad_request"


async def test_prompts_are_kept_where_they_are_not_to_be_told(server: MlflowServer) -> None:
    """Without prompts a trace has figures alone, and an error is a name."""
    client = ScriptedProvider(
        "canary-answer", failures={"cheap": [None, FailureKind.BAD_REQUEST]}  # type: ignore[list-item]
    )
    where = Mlflow(tracking_uri=server.url, prompts=False)
    assert await ask(where, Query("canary-prompt"), Query("canary-prompt"), client=client)
    assert len(server.traces) == 2
    assert "canary" not in json.dumps([server.traces, server.infos])
    assert spans_of(server.traces[1])[0]["attributes"]["error"] == "AllModelsFailedError"


async def test_a_server_that_is_away_costs_traces_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The query is answered; that its trace is lost is one line."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with mlflow_server() as gone:
        address = gone.url
    assert not await ask(Mlflow(tracking_uri=address), Query("hi"), client=ScriptedProvider("yes"))
    ours = [it.getMessage() for it in caplog.records if it.name.startswith("conduit")]
    assert ours == [f"traces do not reach MLflow at {address}; spans are dropped until they do"]


def test_settings_say_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """Address, experiment, Databricks' credentials and silence come from the documented variables."""
    assert mlflow_from(Settings.load({}, None)) is None
    environ = {
        "LITELLM_MLFLOW_ENABLED": "true",
        "MLFLOW_TRACKING_URI": "databricks",
        "MLFLOW_EXPERIMENT_NAME": "production-llm",
        "DATABRICKS_HOST": "https://work.example",
        "DATABRICKS_TOKEN": "canary-token",
    }
    found = mlflow_from(Settings.load(environ, None))
    assert found is not None
    assert (found.place, found.experiment, found.prompts) == ("databricks", "production-llm", True)
    assert found.environ == {
        name: environ[name] for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN")
    }
    assert "canary" not in repr(found)
    silent = mlflow_from(Settings.load(environ | {"CONDUIT_TRACE_PROMPTS": "no"}, None))
    assert silent is not None
    assert not silent.prompts


def test_a_folder_is_given_a_database(tmp_path_factory: pytest.TempPathFactory) -> None:
    """MLflow takes no folder of files any more; addresses are taken as they are."""
    folder = tmp_path_factory.mktemp("runs")
    assert Mlflow(tracking_uri=str(folder)).place == f"sqlite:///{folder / 'mlflow.db'}"
    assert Mlflow().place.endswith("/mlflow.db")
    for address in ("http://h:5000", "postgresql://u:canary@h/db", "databricks"):
        assert Mlflow(tracking_uri=address).place == address


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://u:canary@h:5432/db", "postgresql://h:5432/db"),
        ("postgresql://h/db?user=u&password=canary", "postgresql://h/db"),
        ("postgresql://u:can/ary@h/db?sslmode=require", "postgresql://h/db"),
        ("postgresql://u:can?ary@h/db", "postgresql://********"),
        ("postgresql://h/db?password=can@ary", "postgresql://********"),
        ("http://h:5000", "http://h:5000"),
        ("databricks", "databricks"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, shown: str) -> None:
    """Nor is it where the two cannot be told apart."""
    assert Mlflow(tracking_uri=address).shown == shown


def test_a_missing_library_does_not_tell_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store that needs the whole of MLflow is named as it is everywhere."""
    monkeypatch.setattr(mlflow_traces, "_has_all_of_mlflow", lambda: False)
    with pytest.raises(ConfigurationError, match="store at postgresql://h/db needs") as caught:
        Mlflow(tracking_uri="postgresql://u:canary@h/db?password=canary").check_installed()
    assert "canary" not in str(caught.value)


def test_what_is_missing_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A local store needs the whole of MLflow, and says so before anything is asked."""
    monkeypatch.setattr(mlflow_traces, "_has_all_of_mlflow", lambda: False)
    with pytest.raises(ConfigurationError, match="pip install mlflow, or name a server"):
        telemetry_from(Settings.load({"LITELLM_MLFLOW_ENABLED": "1"}, None))
    monkeypatch.setattr(mlflow_traces, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'conduit-router\[observability\]'"):
        telemetry_from(Settings.load({"LITELLM_MLFLOW_ENABLED": "1"}, None))
