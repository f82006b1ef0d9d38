"""Settings of the API server: whom it serves, and how much of anything it takes."""

from __future__ import annotations

from dataclasses import dataclass

from conduit.settings.kinds import POSITIVE, SECONDS, TEXT
from conduit.settings.setting import declare


@dataclass(frozen=True, kw_only=True, repr=False)
class GatewaySettings:
    """Whom the API server serves, and how much of anything it takes."""

    api_key: str | None = declare(
        "key that clients of the API server must send, or several, separated by commas",
        TEXT,
        aliases=("CONDUCTOR_API_KEY",),
        secret=True,
    )
    admin_key: str | None = declare(
        "key of the API server's routes under /v1/admin, which are closed without one",
        TEXT,
        secret=True,
    )
    requests_per_minute: int | None = declare(
        "requests a minute that the API server takes of one key; unset takes all", POSITIVE
    )
    max_body_bytes: int = declare(
        "longest body that the API server takes, in bytes", POSITIVE, default=4_000_000
    )
    max_prompt_tokens: int | None = declare(
        "longest conversation that the API server takes, in estimated tokens; unset takes all",
        POSITIVE,
    )
    upload_timeout: float = declare(
        "seconds within which the API server must have the whole body of a request",
        SECONDS,
        default=20.0,
    )
