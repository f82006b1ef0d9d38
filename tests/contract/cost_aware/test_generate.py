"""The bodies that cost-aware's README prints, field by field."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ...api.compatible import speaking

GENERATE = """
{
	"prompt": "Your prompt here",
	"max_cost_usd": 0.01,
	"max_latency_ms": 1500,
	"min_quality": 0.7,
	"force_model": "cheap"  // or "openai" (optional)
}
"""
RESPONSE = """
{
	"text": "...",
	"chosen_model": "openai",
	"tokens_in": 42,
	"tokens_out": 120,
	"latency_ms": 1100,
	"estimated_cost_usd": 0.008,
	"quality_proxy": 0.82,
	"route_reason": "prompt_complexity_high(score=0.91)",
	"cache_hit": false,
	"saved_cost_usd": 0.002
}
"""
ROUTE = """
{
	"prompt": "Your prompt here",
	"max_cost": 0.01,
	"max_latency": 1.5
}
"""
DOCUMENTED: dict[str, Any] = json.loads(RESPONSE)
REASON = re.compile(r"[a-z_]+\([^()]*\)")


def without_comments(body: str) -> str:
    """JSON as it is sent: its comment is for the reader."""
    return re.sub(r"\s*//.*", "", body)


def check(said: dict[str, Any]) -> None:
    """Exactly the documented fields, each of the documented type."""
    assert list(said) == list(DOCUMENTED)
    for name, documented in DOCUMENTED.items():
        assert type(said[name]) is type(documented), name
    assert REASON.fullmatch(said["route_reason"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/generate", GENERATE),
        ("/generate", GENERATE.replace('"cheap"', '"openai"')),
        ("/generate", re.sub(r',\s*"force_model".*', "", GENERATE)),
        ("/generate", '{"prompt": "Your prompt here"}'),
        ("/route", ROUTE),
    ],
)
async def test_the_printed_request_gets_the_printed_response(path: str, body: str) -> None:
    """The README's request is answered with exactly the fields that the README prints."""
    async with speaking() as http:
        reply = await http.post(
            path, content=without_comments(body), headers={"content-type": "application/json"}
        )
    assert reply.status_code == 200, reply.text
    check(reply.json())


async def test_the_reason_has_the_printed_form() -> None:
    """A complex prompt is told with its score, as printed: two decimals of 0 to 1."""
    async with speaking() as http:
        reply = await http.post("/generate", json={"prompt": "analyze and compare " * 100})
    assert reply.json()["route_reason"] == "prompt_complexity_high(score=1.00)"


async def test_openapi_documents_these_fields_and_marks_them() -> None:
    """The document has exactly these fields, and says that the routes are for compatibility."""
    async with speaking() as http:
        document = (await http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    assert list(schemas["Generated"]["properties"]) == list(DOCUMENTED)
    asked = json.loads(without_comments(GENERATE))
    assert list(schemas["GenerateBody"]["properties"]) == list(asked)
    assert list(schemas["RouteBody"]["properties"]) == list(json.loads(ROUTE))
    for path in ("/generate", "/route"):
        assert document["paths"][path]["post"]["tags"] == ["compatibility"]
    assert any(tag["name"] == "compatibility" for tag in document["tags"])
