"""``conduit run``: a prompt answered over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..telemetry.receivers import http_receiver, nobody, said
from .conftest import PRICES, Run, Served, answered, contents, failed

KEYS = {
    "text", "model", "provider", "cost", "input_tokens", "output_tokens", "base_model",
    "base_cost", "savings", "savings_percent", "latency", "decision_id", "finish_reason",
    "attempts", "tool_calls", "propensity", "cached",
}  # fmt: skip


def priced(model: str) -> float:
    """USD of the loopback server's 11 tokens in and 7 out."""
    return (11 * PRICES[model]["input"] + 7 * PRICES[model]["output"]) / 1e6


def test_json_is_one_object_with_these_keys(conduit: Run, openai: Served) -> None:
    """Programs read a response by these names, and costs are the price list's."""
    ran = conduit("run", "What is 2+2?", "--model", "gpt-4o-mini", "--json")
    said = ran.json
    assert ran.code == 0
    assert set(said) == KEYS
    assert (said["text"], said["model"], said["provider"]) == ("4", "gpt-4o-mini", "openai")
    assert said["cost"] == pytest.approx(priced("gpt-4o-mini"))
    assert said["base_cost"] == pytest.approx(priced("gpt-4o"))
    assert said["savings"] == pytest.approx(said["base_cost"] - said["cost"])
    assert said["savings_percent"] == pytest.approx(94)
    assert (said["tool_calls"], said["propensity"], said["cached"]) == ([], 1, False)


def test_answer_and_summary_go_to_their_streams(conduit: Run, openai: Served) -> None:
    """Standard output is the answer alone; one line on standard error says what it cost."""
    openai.answers = lambda _: answered("four\nor 4\n")
    ran = conduit("run", "What is 2+2?", "--model", "gpt-4o-mini")
    assert ran.out == "four\nor 4\n"
    (line,) = ran.err.splitlines()
    assert line.startswith("gpt-4o-mini (openai) | $0.000006 | saved $0.000092 (94%) vs gpt-4o | ")
    assert "| rate it: conduit feedback " in line


def test_the_key_is_sent_and_never_said(conduit: Run, openai: Served, database: Path) -> None:
    """The provider gets the key; neither the streams nor the database do."""
    ran = conduit("run", "hello")
    (received,) = openai.server.requests
    assert received.headers["authorization"] == "Bearer key-that-nobody-may-see"
    assert "nobody-may-see" not in ran.out + ran.err + "\n".join(contents(database))


@pytest.mark.parametrize("model", PRICES)
def test_a_forced_model_is_called(conduit: Run, openai: Served, model: str) -> None:
    """--model decides whom the request goes to."""
    conduit("run", "hello", "--model", model)
    assert [body["model"] for body in openai.bodies] == [model]


def test_options_and_settings_limit_the_answer(
    conduit: Run, openai: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--max-tokens reaches the server, and wins over CONDUIT_MAX_TOKENS."""
    monkeypatch.setenv("CONDUIT_MAX_TOKENS", "50")
    conduit("run", "hello")
    conduit("run", "hello", "--max-tokens", "5")
    assert [body["max_tokens"] for body in openai.bodies] == [50, 5]


@pytest.mark.parametrize("variable", ["OPENAI_TEMPERATURE", "CONDUIT_TEMPERATURE"])
def test_the_temperature_of_the_settings_is_sent(
    conduit: Run, openai: Served, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The model is asked at the temperature that is set; unset leaves it to the model."""
    conduit("run", "hello")
    monkeypatch.setenv(variable, "0.1")
    conduit("run", "hello")
    assert [body.get("temperature") for body in openai.bodies] == [None, 0.1]


def test_a_failing_model_is_replaced_and_it_is_said(conduit: Run, openai: Served) -> None:
    """Another model answers for one that fails; the summary counts the failures."""
    first: list[str] = []

    def answers(received):
        first.append(received.body["model"])
        return failed() if received.body["model"] == first[0] else answered("4")

    openai.answers = answers
    ran = conduit("run", "hello")
    assert (ran.code, ran.out) == (0, "4\n")
    assert len(set(first)) == 2
    assert f"{first[-1]} (openai) after 1 failed | " in ran.err


def test_no_answer_at_all_ends_with_1(conduit: Run, openai: Served) -> None:
    """When every model fails, one line names each with its reason."""
    openai.answers = lambda _: failed()
    ran = conduit("run", "hello", "--json")
    assert ran.code == 1
    for model in PRICES:
        assert f"{model} failed (server): out of order" in ran.error


def test_a_forced_model_has_no_stand_in(conduit: Run, openai: Served) -> None:
    """A forced model that fails is not replaced."""
    openai.answers = lambda _: failed(429)
    ran = conduit("run", "hello", "--model", "gpt-4o")
    assert ran.code == 1
    assert "gpt-4o failed (rate_limit)" in ran.error
    assert len(openai.bodies) == 1


def test_an_answer_that_is_a_failure_is_reported_on_one_line(conduit: Run, openai: Served) -> None:
    """Line breaks in what a server said do not break the line."""
    openai.answers = lambda _: answered('{"error": {"message": "busy",\n "type": "overloaded"}}')
    ran = conduit("run", "hello", "--model", "gpt-4o")
    assert ran.code == 1
    assert '"message": "busy",' in ran.error


def test_what_happened_is_learned(conduit: Run, openai: Served) -> None:
    """A call is counted for the model that answered, in the next process too."""
    conduit("run", "hello", "--model", "gpt-4o")
    calls = {row["id"]: row["calls"] for row in conduit("models", "--json").json}
    assert calls == {"gpt-4o": 1, "gpt-4o-mini": 0}


def test_without_any_key_the_variables_are_named(conduit: Run, database: Path) -> None:
    """A newcomer without a key learns what to set; nothing is stored."""
    ran = conduit("run", "hello")
    assert ran.code == 2
    for variable in ("OPENAI", "ANTHROPIC", "GOOGLE", "GEMINI", "GROQ"):
        assert f"{variable}_API_KEY" in ran.error
    assert not database.exists()


def test_a_placeholder_is_no_key(conduit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key copied from the template counts as none, with a warning of one line."""
    monkeypatch.setenv("OPENAI_API_KEY", "your_openai_key_here")
    ran = conduit("run", "hello")
    assert ran.code == 2
    assert "no API key is set" in ran.error
    assert ran.err.startswith("warning: OPENAI_API_KEY holds a placeholder")


@pytest.mark.parametrize("option", [["--provider", "groq"], ["--model", "gpt-oss-20b"]])
def test_asking_for_a_model_without_its_key(
    conduit: Run, openai: Served, option: list[str]
) -> None:
    """The one variable that is missing is named, and nobody is called."""
    ran = conduit("run", "hello", *option)
    assert ran.code == 2
    assert ran.error == (
        "error: no API key is set for provider 'groq'; "
        "set GROQ_API_KEY in the environment or in .env"
    )
    assert openai.bodies == []


def test_models_without_a_key_are_left_out_and_named(
    conduit: Run, openai: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of configured models only those that can be called take part; a warning names the rest."""
    monkeypatch.setenv("CONDUIT_MODELS", "gpt-4o-mini,gpt-oss-20b")
    ran = conduit("run", "hello")
    assert (ran.code, ran.out) == (0, "4\n")
    assert ran.err.startswith(
        "warning: left out for want of a key: gpt-oss-20b; set GROQ_API_KEY\n"
    )


def test_the_log_level_silences_warnings(
    conduit: Run, openai: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LOG_LEVEL decides which messages are shown."""
    monkeypatch.setenv("CONDUIT_MODELS", "gpt-4o-mini,gpt-oss-20b")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    assert "left out" not in conduit("run", "hello").err


def test_a_call_is_traced_where_that_is_switched_on(
    conduit: Run, openai: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables known from elsewhere send one trace, and standard output stays the answer's."""
    with http_receiver() as received:
        monkeypatch.setenv("LITELLM_OTEL_ENABLED", "true")
        monkeypatch.setenv("TRACELOOP_BASE_URL", received.url)
        ran = conduit("run", "hello", "--json")
    assert ran.code == 0
    names = [span.name.split()[0] for span in received.spans]
    assert sorted(names) == ["attempt", "chat"]
    (query,) = (span for span in received.spans if span.parent_span_id == b"")
    assert said(query)["conduit.decision_id"] == ran.json["decision_id"]


def test_a_trace_that_nobody_takes_is_a_warning(
    conduit: Run, openai: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is there all the same, and one line says what is missing."""
    with nobody() as url:
        monkeypatch.setenv("LITELLM_OTEL_ENABLED", "true")
        monkeypatch.setenv("TRACELOOP_BASE_URL", url)
        ran = conduit("run", "hello", "--json")
    assert ran.code == 0
    assert [line for line in ran.err.splitlines() if "traces do not reach" in line]


def test_a_server_at_another_address_is_asked_without_a_key(
    conduit: Run, openai: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPENAI_BASE_URL alone is enough, by a provider's name, by a model's, and by none."""
    monkeypatch.delenv("OPENAI_API_KEY")
    for options in ([], ["--provider", "openai"], ["--model", "gpt-4o-mini"]):
        ran = conduit("run", "What is 2+2?", *options)
        assert (ran.code, ran.out) == (0, "4\n")
    assert {row["key_set"] for row in conduit("models", "--json").json} == {None}
