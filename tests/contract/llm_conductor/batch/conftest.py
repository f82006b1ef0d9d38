"""A machine without settings, and a server that speaks OpenAI's protocol."""

from tests.cli.conftest import conduit, machine, openai

__all__ = ["conduit", "machine", "openai"]
