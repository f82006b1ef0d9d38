"""The default router of providers, as the real encoder sees it."""

from __future__ import annotations

from pathlib import Path

from conduit.settings import Settings
from conduit.simple.providers.exploring import PROMPTS, explored


async def test_the_default_router_predicts_what_the_readme_prints(tmp_path: Path) -> None:
    """With MiniLM too: balanced models for simple and moderate prompts, premium for complex ones."""
    _, found = await explored(PROMPTS, Settings(encoder="minilm", cache_dir=tmp_path, offline=True))
    tiers = {it.label: [one.route.tier.value for one in it.simulated] for it in found}
    assert tiers == {
        "Simple": ["balanced"] * 3,
        "Moderate": ["balanced"] * 3,
        "Complex": ["premium"] * 3,
    }
