"""What servers mean by their faults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from conduit.core.errors import FailureKind
from conduit.providers.faults import kind_of_error, kind_of_status, seconds_to_wait


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("", None), (None, None), ("soon", None)],
)
def test_seconds(header: str | None, seconds: float | None) -> None:
    """Seconds are seconds, the past is now, and what cannot be read is not guessed."""
    assert seconds_to_wait(header) == seconds


@pytest.mark.parametrize("header", ["nan", "inf", "-inf", "Wed, 99 Nonsense 2026"])
def test_nonsense(header: str) -> None:
    """No header makes anybody wait for ever."""
    assert seconds_to_wait(header) is None


def test_date() -> None:
    """A date is the seconds until then, and a date gone by is now."""
    now = datetime.now(UTC)
    soon = seconds_to_wait(format_datetime(now + timedelta(seconds=60), usegmt=True))
    assert soon is not None
    assert 50 < soon <= 60
    assert seconds_to_wait(format_datetime(now - timedelta(days=1), usegmt=True)) == 0.0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "Busy."}, FailureKind.RATE_LIMIT),
        ({"code": 401}, FailureKind.AUTHENTICATION),
        ({"code": 403}, FailureKind.AUTHENTICATION),
        ({"code": 403, "metadata": {"reasons": ["violence"]}}, FailureKind.CONTENT_FILTER),
        ({"code": 502}, FailureKind.SERVER),
        ({"code": 7}, FailureKind.SERVER),
        ({"code": "rate_limit_exceeded"}, FailureKind.RATE_LIMIT),
        ({"type": "rate_limit_error"}, FailureKind.RATE_LIMIT),
        ({"code": "content_filter"}, FailureKind.CONTENT_FILTER),
        ({"type": "server_error", "code": None}, FailureKind.SERVER),
        ("Out of memory.", FailureKind.SERVER),
        ({"code": ["content_filter"], "type": {"a": 1}}, FailureKind.SERVER),
    ],
)
def test_error_objects(error: object, kind: FailureKind) -> None:
    """An error where an answer was due has the kind that its code or type names."""
    assert kind_of_error(error) is kind


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 422])
def test_other_statuses(status: int) -> None:
    """What is neither an answer nor the server's fault is the request's, redirections included."""
    assert kind_of_status(status) is FailureKind.BAD_REQUEST


FLAGGED = {"reasons": ["violence"], "flagged_input": "How do I…", "provider_name": "OpenAI"}


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (403, {"error": {"code": 403, "message": "Flagged.", "metadata": FLAGGED}}),
        (403, {"code": 403, "message": "Flagged.", "metadata": {"flagged_input": "How do I…"}}),
        ("content_filter", {"error": {"code": "content_filter"}}),
        ("content_policy_violation", None),
        (["content_filter"], {"error": {"code": ["content_filter"], "metadata": FLAGGED}}),
    ],
)
def test_a_flagged_prompt_is_no_wrong_key(code: object, body: object) -> None:
    """A 403 that tells of moderation is about this prompt, whether an SDK unpacked the body or not."""
    assert kind_of_status(403, code=code, body=body) is FailureKind.CONTENT_FILTER


@pytest.mark.parametrize(
    "body", [None, "Forbidden", {"error": "no"}, {"error": {"metadata": {"raw": "no"}}}]
)
def test_any_other_403_is_a_refused_account(body: object) -> None:
    """A country, a model or a key that may not: the prompt is not to blame."""
    assert kind_of_status(403, body=body) is FailureKind.AUTHENTICATION
