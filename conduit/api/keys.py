"""Who may come in: keys, compared in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from conduit.settings import Settings

Headers = Iterable[tuple[bytes, bytes]]
"""As ASGI has them: names in lower case."""
_BEARER = b"bearer "
_NAME_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of one kind; only their digests are kept.

    Args:
        digests: SHA-256 of each.
    """

    digests: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, text: str | None) -> Keys:
        """The keys of a comma list; none where it is unset."""
        keys = [key.strip() for key in (text or "").split(",")]
        return cls(tuple(sha256(key.encode()).digest() for key in keys if key))

    def __bool__(self) -> bool:
        return bool(self.digests)

    @property
    def names(self) -> tuple[str, ...]:
        """What ledgers and logs call each key: the beginning of its digest."""
        return tuple(digest.hex()[:_NAME_LENGTH] for digest in self.digests)

    def recognise(self, presented: bytes | None) -> str | None:
        """The name of a key that is one of these; None for any other.

        Every key is compared, whichever of them fits.
        """
        if presented is None:
            return None
        digest = sha256(presented).digest()
        found = [name for name, own in zip(self.names, self.digests, strict=True)
                 if hmac.compare_digest(digest, own)]  # fmt: skip
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Doors:
    """Who may call the API, and who may change it; an administrator may do both."""

    api: Keys
    admin: Keys

    @classmethod
    def of(cls, settings: Settings) -> Doors:
        """As the settings say."""
        return cls(Keys.of(settings.api_key), Keys.of(settings.admin_key))

    def caller(self, presented: bytes | None) -> str | None:
        """The name of a key that opens the API; None for any other."""
        return self.api.recognise(presented) or self.admin.recognise(presented)


def presented_key(headers: Headers) -> bytes | None:
    """The key that a request brings, as ``X-API-Key`` or as ``Authorization: Bearer``."""
    bearer = None
    for name, value in headers:
        if name == b"x-api-key":
            return value.strip()
        if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
            bearer = value[len(_BEARER) :].strip()
    return bearer
