"""What makes an answer out of date: another prompt, or another one who is asked."""

from __future__ import annotations

import hashlib
import json

VERSION = "conduit-batch-1"
"""Of what goes into a hash, so that a change of it makes no old one true."""


def prompt_hash(text: str, *, identity: str) -> str:
    """SHA-256 in hexadecimal of a prompt and of who answers it.

    Args:
        text: of the prompt.
        identity: everything about a provider that makes its answers different ones.
    """
    asked = json.dumps([VERSION, identity, text])  # lengths and borders are the notation's
    return hashlib.sha256(asked.encode()).hexdigest()
