"""The OpenAPI document, and whatever may be asked by it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case

from conduit.api.app import create_app
from conduit.api.dialects import says_detail
from conduit.settings import Settings

from .serving import app_of, serving

KEY = "an-admin-s"
DOCUMENT = create_app().openapi()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server on a thread, over models that are never removed for good."""
    ready, done = threading.Event(), asyncio.Event()
    found: list[str] = []

    async def run() -> None:
        async with serving(app_of(settings=Settings(admin_key=KEY))) as served:
            found.append(str(served.http.base_url))
            loops.append(asyncio.get_running_loop())
            ready.set()
            await done.wait()

    loops: list[asyncio.AbstractEventLoop] = []
    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(10)
    yield found[0]
    loops[0].call_soon_threadsafe(done.set)
    thread.join(10)


@SCHEMA.parametrize()
@settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_nothing_that_is_asked_fails_the_server(case: Case, url: str) -> None:
    """Whatever fits the document, or nearly does, is no 5xx, and every refusal has its reason."""
    answer = case.call(base_url=url, headers={"X-API-Key": KEY}, timeout=10)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        said = answer.json()
        assert said["detail"] if says_detail(case.path) else said["error"]["message"]
    documented = {"405", *case.operation.definition.raw["responses"]}
    assert str(answer.status_code) in documented


def test_every_operation_is_explained_and_tagged() -> None:
    """No route is without a summary, a tag and a description; tags are those that are described."""
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for path, operations in DOCUMENT["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert operation["description"], path
            assert set(operation["tags"]) <= tags, path


def test_bodies_have_examples() -> None:
    """Each body of Conduit's own routes shows how it is used."""
    for path in ("/v1/chat/completions", "/v1/complete", "/v1/feedback", "/v1/admin/budgets"):
        operation = next(iter(DOCUMENT["paths"][path][verb] for verb in ("post", "put")
                              if verb in DOCUMENT["paths"][path]))  # fmt: skip
        content = operation["requestBody"]["content"]["application/json"]
        name = content["schema"]["$ref"].rpartition("/")[2]
        assert "example" in content or DOCUMENT["components"]["schemas"][name]["examples"]


def test_every_reference_leads_somewhere() -> None:
    """The document that is put together from two sources has no loose end."""
    text = repr(DOCUMENT)
    names = {part.partition("'")[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(DOCUMENT["components"]["schemas"])
    assert "$defs" not in text
