"""Which model of a provider is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit import ConduitError, get_provider
from conduit.core.arms import Price
from conduit.core.errors import ConfigurationError, InvalidInputError, UnknownModelError
from conduit.settings import Settings
from conduit.simple.named.models import arm_of
from conduit.simple.named.names import KNOWN

from ...providers.loopback import Answer
from ..conftest import Models

LOCAL = "http://127.0.0.1:9/v1"


def taken(provider: str, model: str | None = None, **environ: str) -> tuple[str, str]:
    """Provider and model of the arm that is taken."""
    arm = arm_of(provider, model, Settings.load(environ, None))
    return arm.provider, arm.api_name


def test_the_providers_that_there_are() -> None:
    """Every provider is known by name, with the calls at once that the table promises."""
    assert {name: it.default_parallelism for name, it in KNOWN.items()} == {
        "anthropic": 32,
        "claude-code": 4,
        "google": 32,
        "groq": 32,
        "lmstudio": 1,
        "openai": 32,
        "openai-codex": 4,
        "openrouter": 32,
    }
    assert {name for name, it in KNOWN.items() if it.kind == "CLI"} == {
        "claude-code",
        "openai-codex",
    }


@pytest.mark.parametrize("name", ["mistral", "", None])
def test_another_name_is_refused(name: str) -> None:
    """The error lists those that there are."""
    with pytest.raises(InvalidInputError, match=r"anthropic, claude-code, .*, openrouter"):
        get_provider(name)


@pytest.mark.parametrize(
    ("provider", "model", "api_name"),
    [
        ("openai", "gpt-4", "gpt-4"),
        ("openai", "openai/gpt-4", "gpt-4"),
        ("groq", "gpt-oss-20b", "openai/gpt-oss-20b"),
        ("openrouter", "anthropic/claude-3.5-sonnet", "anthropic/claude-3.5-sonnet"),
        ("openai-codex", "gpt-5", "gpt-5"),
        ("claude-code", "sonnet", "sonnet"),
        ("claude-code", "claude-code", "claude-code"),
    ],
)
def test_a_model_by_its_name(provider: str, model: str, api_name: str) -> None:
    """With the provider's name before it or without."""
    assert taken(provider, model) == (provider, api_name)


def test_a_model_that_nobody_knows() -> None:
    """Nothing is called that nobody priced."""
    with pytest.raises(UnknownModelError, match="gpt-of-nobody"):
        taken("openai", "gpt-of-nobody")


@pytest.mark.parametrize(
    ("provider", "api_name"),
    [
        ("openai", "gpt-4o-mini"),
        ("anthropic", "claude-haiku-5-5"),
        ("openai-codex", "openai-codex"),
        ("claude-code", "claude-code"),
    ],
)
def test_without_a_name(provider: str, api_name: str) -> None:
    """It is the cheapest of the catalogue, or the tool's own."""
    assert taken(provider) == (provider, api_name)


@pytest.mark.parametrize(
    ("provider", "environ", "api_name"),
    [
        ("openai", {"MODEL_NAME": "gpt-4"}, "gpt-4"),
        ("openai-codex", {"MODEL_NAME": "gpt-4o"}, "gpt-4o"),
        ("claude-code", {"MODEL_NAME": "gpt-4o"}, "claude-code"),
        ("anthropic", {"MODEL_NAME": "gpt-4o"}, "claude-haiku-5-5"),
        ("anthropic", {"MODEL_NAME": "gpt-4"}, "claude-haiku-5-5"),
        ("openai", {"MODEL_NAME": "gpt-4", "MODEL_PROVIDER": "openai"}, "gpt-4"),
        ("openai", {"MODEL_NAME": "gpt-4", "MODEL_PROVIDER": "claude-code"}, "gpt-4o-mini"),
        ("openrouter", {"MODEL_NAME": "openai/gpt-4o"}, "openai/gpt-4o"),
    ],
)
def test_the_model_of_the_environment(
    provider: str, environ: dict[str, str], api_name: str
) -> None:
    """MODEL_NAME is taken, unless it is of another provider."""
    assert taken(provider, **environ) == (provider, api_name)


def test_a_catalogue_that_was_narrowed() -> None:
    """A router's own choice of models, baseline and roles is no reason to refuse a model."""
    narrowed = {
        "CONDUIT_MODELS": "gpt-4o",
        "CONDUIT_BASELINE": "gpt-4o",
        "CONDUIT_MODELS_JSON": '{"cheap": "gpt-4o"}',
    }
    assert taken("anthropic", **narrowed) == ("anthropic", "claude-haiku-5-5")


def test_openrouter_wants_a_model() -> None:
    """The error says how to name one."""
    with pytest.raises(InvalidInputError, match=r"none was named; name one, .* MODEL_NAME"):
        taken("openrouter")


def test_a_server_on_this_machine_is_free(caplog: pytest.LogCaptureFixture) -> None:
    """Unless a price is given; a warning says so where the provider is one that bills."""
    arm = arm_of("openai", "qwen", Settings.load({"OPENAI_BASE_URL": LOCAL}, None))
    assert (arm.price, arm.base_url) == (Price(input=0, output=0), LOCAL)
    assert "'openai/qwen' on this machine: it counts as free" in caplog.text
    given = {
        "OPENAI_BASE_URL": LOCAL,
        "CONDUIT_PRICING_JSON": '{"openai/qwen": {"input": 1, "output": 2}}',
    }
    arm = arm_of("openai", "qwen", Settings.load(given, None))
    assert arm.price == Price(input=1, output=2)


def test_a_server_elsewhere_is_not() -> None:
    """Who runs it may bill, so a price is to be given."""
    elsewhere = {"OPENAI_BASE_URL": "https://proxy.example/v1"}
    with pytest.raises(ConduitError, match=r"served at proxy\.example; give input_price"):
        taken("openai", "gpt-4o", **elsewhere)


def test_what_lm_studio_has_loaded(models: Models) -> None:
    """The first model that is not for embeddings is taken, and costs nothing."""
    listed = {"data": [{"id": "text-embedding-nomic"}, {"id": "qwen-7b"}, {"id": "other"}]}
    models.answer(Answer(body=listed))
    at = {"CONDUIT_LMSTUDIO_BASE_URL": f"{models.server.url}/v1"}
    arm = arm_of("lmstudio", None, Settings.load(at, None))
    assert (arm.api_name, arm.price) == ("qwen-7b", Price(input=0, output=0))
    assert [received.path for received in models.server.requests] == ["/v1/models"]


@pytest.mark.parametrize("body", [b"no JSON", {"data": []}, {"data": 7}, []])
def test_lm_studio_without_a_model(models: Models, body: object) -> None:
    """A server that has none, or that is another, is an error that says what to do."""
    models.answer(Answer(body=body))
    at = {"CONDUIT_LMSTUDIO_BASE_URL": f"{models.server.url}/v1"}
    with pytest.raises(ConfigurationError, match=r"load one there|start its server"):
        arm_of("lmstudio", None, Settings.load(at, None))


@pytest.mark.parametrize(("body", "said"), [({"data": []}, "no model"), (b"no JSON", "answers")])
def test_lm_studio_is_named_without_its_password(models: Models, body: object, said: str) -> None:
    """What is wrong with a server names its address, and neither user, password nor query."""
    models.answer(Answer(body=body))
    address = models.server.url.removeprefix("http://")
    at = {"CONDUIT_LMSTUDIO_BASE_URL": f"http://anna:hunter2@{address}/v1?key=hunter2"}
    with pytest.raises(ConfigurationError, match=said) as caught:
        arm_of("lmstudio", None, Settings.load(at, None))
    assert f" {models.server.url}/v1" in caught.value.problem
    assert "hunter2" not in str(caught.value)
    assert "anna" not in str(caught.value)


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_missing_is_said_at_creation(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A missing key, program, server or model is one line, before anything is asked."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CONDUIT_LMSTUDIO_BASE_URL", LOCAL)
    with pytest.raises(ConduitError) as caught:
        get_provider(name)
    assert caught.value.remedy
    assert len(str(caught.value).splitlines()) == 1
