"""Whoever goes away is no longer worked for, whatever protocol they spoke."""

from __future__ import annotations

import asyncio
import logging

import pytest

from conduit.core.outcomes import ModelReply, ModelRequest
from conduit.settings import Settings

from .serving import app_of, serving


class Endless:
    """A model that never answers, and says when it is asked and when it is let go."""

    def __init__(self) -> None:
        self.asked, self.left = asyncio.Event(), asyncio.Event()

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        raise AssertionError("nobody sets that event")

    async def aclose(self) -> None:
        """Nothing to release."""


@pytest.mark.parametrize("path", ["/v1/complete", "/llm", "/generate", "/route"])
async def test_a_caller_who_goes_away_ends_the_call(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The model's call is cancelled when the connection closes, and the log has no failure."""
    client = Endless()
    with caplog.at_level(logging.ERROR):
        async with serving(app_of(client, settings=Settings())) as served:
            call = asyncio.create_task(served.http.post(path, json={"prompt": "hi"}))
            await asyncio.wait_for(client.asked.wait(), 10)
            call.cancel()
            await asyncio.wait_for(client.left.wait(), 10)
    assert caplog.records == []
