"""Failures that arrive as answers, and answers that only look like failures."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.core.errors import FailureKind
from conduit.feedback.answers import answer_failure

NGINX = """<html>
<head><title>502 Bad Gateway</title></head>
<body>
<center><h1>502 Bad Gateway</h1></center>
<hr><center>nginx/1.25.3</center>
</body>
</html>"""

HAPROXY = """<html><body><h1>503 Service Unavailable</h1>
No server is available to handle this request.
</body></html>"""

PROXY_TRACEBACK = """Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/proxy/main.py", line 12, in handle
    return await upstream(request)
ConnectionResetError: [Errno 104] Connection reset by peer

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/proxy/app.py", line 40, in serve
    raise UpstreamError(name)
proxy.errors.UpstreamError: upstream is gone
"""

USER_TRACEBACK = """Traceback (most recent call last):
  File "main.py", line 1, in <module>
    print(1 / 0)
ZeroDivisionError: division by zero"""

WRITTEN_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>503 Service Unavailable</title>
<style>h1 { color: red }</style></head>
<body><h1>503 Service Unavailable</h1></body>
</html>"""

OPENAI = {
    "error": {"message": "Rate limit reached", "type": "requests", "param": None, "code": "rate"}
}
ANTHROPIC = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
GOOGLE = {"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}
SPRING = {
    "timestamp": "2026-11-01T00:00:00Z",
    "status": 500,
    "error": "Internal Server Error",
    "path": "/v1/chat",
}

FAILURES = {
    "openai": json.dumps(OPENAI),
    "openai, indented": json.dumps(OPENAI, indent=2) + "\n",
    "anthropic": json.dumps(ANTHROPIC),
    "google": json.dumps(GOOGLE),
    "spring": json.dumps(SPRING),
    "fastapi": json.dumps({"detail": "Internal Server Error"}),
    "sdk": f"Error code: 429 - {OPENAI}",
    "nginx": NGINX,
    "haproxy": HAPROXY,
    "cloudflare": "error code: 502",
    "envoy": "upstream connect error or disconnect/reset before headers. reset reason: overflow",
    "envoy, no host": "no healthy upstream",
    "traceback": PROXY_TRACEBACK,
}

ANSWERS = {
    "a digit": "4",
    "a letter": "B",
    "one word": "Error",
    "a sign": "?",
    "an emoji": "🙂",
    "no": "No.",
    "a status phrase": "Internal Server Error",
    "a status line": "503 Service Unavailable",
    "a code": "404",
    "a refusal": "I'm sorry, but I can't help with that.",
    "about errors": "A 502 Bad Gateway error means that the proxy got an invalid response.",
    "in French": "L'erreur 500 signifie une erreur interne du serveur.",
    "in Japanese": "エラー 429 は、リクエストが多すぎることを示します。",
    "an envelope quoted": f"OpenAI answers with:\n\n```json\n{json.dumps(OPENAI)}\n```",
    "an envelope in a fence": f"```json\n{json.dumps(OPENAI)}\n```",
    "a verdict": json.dumps({"error": "The date is invalid"}),
    "no error": json.dumps({"error": None, "result": 4}),
    "an error among results": json.dumps({"result": [1, 2], **OPENAI}),
    "a report": json.dumps({"error": {"message": "typo in line 3", "line": 3}}),
    "a detail": json.dumps({"detail": "The invoice lacks a date"}),
    "details": json.dumps({"detail": ["a", "b"]}),
    "a status": json.dumps({"status": 500, "message": "units in stock"}),
    "a boolean status": json.dumps({"status": True, "error": "Internal Server Error"}),
    "JSON": json.dumps({"answer": 42}),
    "broken JSON": '{"error": {"message": "cut',
    "braces": "{error}",
    "deep JSON": '{"a":' * 1500 + "1" + "}" * 1500,
    "a page that was asked for": WRITTEN_PAGE,
    "a page": "<html><head><title>Hello</title></head><body><h1>Hello</h1></body></html>",
    "a page without a heading": "<html><body>502 Bad Gateway is what I saw</body></html>",
    "a page with another title": NGINX.replace("<title>502", "<title>My 502"),
    "what a script prints": USER_TRACEBACK,
    "a traceback explained": PROXY_TRACEBACK + "\nThis means that the upstream closed the line.",
    "a traceback, cut": PROXY_TRACEBACK.rpartition("proxy.errors")[0],
    "a long document": json.dumps({"error": {"message": "x" * 9000, "type": "t"}}),
}


@pytest.mark.parametrize("text", FAILURES.values(), ids=FAILURES.keys())
def test_a_machine_s_error_is_no_answer(text: str) -> None:
    """A text that is nothing but an error body is a failure of the server."""
    assert answer_failure(text) is FailureKind.SERVER


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "\ufeff \u2060\n", "\u3000\u00a0"])
def test_nothing_visible_is_empty(text: str) -> None:
    """White space and invisible characters are an empty answer."""
    assert answer_failure(text) is FailureKind.EMPTY


@pytest.mark.parametrize("text", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_is_an_answer(text: str) -> None:
    """Short answers, and answers that discuss, quote or contain errors, are no failures."""
    assert answer_failure(text) is None


@pytest.mark.parametrize("text", FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_that_is_quoted_is_an_answer(text: str) -> None:
    """Words around an error body make it an answer: only a whole answer counts."""
    assert answer_failure(f"Your server says this:\n\n{text}\n\nRestart it.") is None


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20))
def test_shortness_is_no_failure(text: str) -> None:
    """Anything short and visible is an answer, in whatever script."""
    assert answer_failure(text) is None
