"""Prompt text is kept where that is switched on, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.core.arms import Arm, Price
from conduit.engines.router import Router
from conduit.features.encoders.hashing import HashingEncoder
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.sql import SQLStore
from tests.stores.test_purge import everything

PROMPT = "which-words-nobody-else-may-read are these"


async def ask(path: Path, *, store_prompts: bool) -> str | None:
    """Has one prompt answered and rated; its text as the store reads it back."""
    arms = [Arm(id="gpt-4o-mini", provider="openai", price=Price(input=0.15, output=0.6))]
    store = SQLStore(path)
    router = Router(
        arms,
        store=store,
        client=ScriptedProvider(),
        encoder=HashingEncoder(),
        settings=Settings(store_prompts=store_prompts),
    )
    async with router:
        response = await router.complete(PROMPT)
        await router.feedback(response.decision_id, quality_score=0.5)
        text = (await store.decision(response.decision_id)).features.text
        assert (PROMPT.encode() in everything(path)) == store_prompts
    assert (PROMPT.encode() in everything(path)) == store_prompts
    return text


@pytest.mark.parametrize(("switched_on", "kept"), [(False, None), (True, PROMPT)])
async def test_only_the_setting_keeps_prompts(
    path: Path, switched_on: bool, kept: str | None
) -> None:
    """Off, which is the default, no byte of the file or its log is of the prompt."""
    assert await ask(path, store_prompts=switched_on) == kept
    assert Settings().store_prompts is False
